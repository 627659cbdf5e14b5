"""A script takes the place of cosign and prints what a test wants. tests/publish runs the real one."""

import base64
import json
import os
from pathlib import Path

import pytest

from spark_images.errors import SparkImagesError, UsageError
from spark_images.publish import cosign
from spark_images.publish.cosign import Signer, Trust
from spark_images.publish.references import Reference

IMAGE = Reference("r.example", "spark", "", f"sha256:{'0' * 64}")


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Replaces cosign by a script. It prints the file `said`, and writes its arguments to the file returned."""
    script = tmp_path / "bin/cosign"
    script.parent.mkdir()
    script.write_text(
        f'#!/bin/sh\necho "$COSIGN_PASSWORD:$*" >> {tmp_path}/calls\ncat {tmp_path}/said 2> /dev/null\n'
        f"cat {tmp_path}/error >&2 2> /dev/null && exit 1 || exit 0\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    monkeypatch.delenv(cosign.PASSWORD, raising=False)
    return tmp_path / "calls"


@pytest.fixture
def key(tmp_path: Path) -> str:
    (tmp_path / "k").touch()
    return str(tmp_path / "k")


def test_a_key_signs_without_a_transparency_log(calls: Path, key: str) -> None:
    cosign.sign(IMAGE, cosign.signer(key, keyless=False), {"statements": "a b"})
    check, sign = calls.read_text().splitlines()
    assert check == f":public-key --key {key}"
    assert sign == f":sign --yes --key {key} --tlog-upload=false --annotations=statements=a b {IMAGE}"


def test_an_identity_signs_without_a_key(calls: Path) -> None:
    cosign.sign(IMAGE, cosign.signer("", keyless=True), {})
    assert calls.read_text() == f":sign --yes {IMAGE}\n"


def test_an_attestation_replaces_one_of_its_type(calls: Path) -> None:
    cosign.attest(IMAGE, Signer("k"), "https://type.example", "{}")
    words = calls.read_text().split()
    assert words[:6] == [":attest", "--yes", "--replace", "--key", "k", "--tlog-upload=false"]
    assert words[6:8] == ["--type", "https://type.example"]
    assert words[-1] == str(IMAGE)


@pytest.mark.parametrize(("key", "keyless"), [("", False), ("k", True)])
def test_one_signer_must_be_named(key: str, keyless: bool) -> None:
    with pytest.raises(UsageError, match=r"^name who signs: --key cosign\.key .*, or --keyless"):
        cosign.signer(key, keyless=keyless)


def test_a_missing_key_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match=r"--key missing.key: there is no such file"):
        cosign.signer("missing.key", keyless=False)
    with pytest.raises(UsageError, match=r"--key missing.pub: there is no such file"):
        cosign.trust("missing.pub", "", "")


def test_the_address_of_a_key_is_not_a_file(calls: Path) -> None:
    assert cosign.signer("awskms:///alias/spark", keyless=False) == Signer("awskms:///alias/spark")


@pytest.mark.parametrize("flags", [("", "", ""), ("", "someone", ""), ("", "", "issuer"), ("k", "someone", "issuer")])
def test_whose_signature_counts_must_be_named(flags: tuple[str, str, str]) -> None:
    with pytest.raises(UsageError):
        cosign.trust(*flags)


def test_an_identity_is_verified_with_its_issuer(calls: Path, tmp_path: Path) -> None:
    (tmp_path / "said").write_text(json.dumps([{"optional": {"a": "old"}}, {"optional": {"a": "new"}}]))
    assert cosign.verify(IMAGE, cosign.trust("", "someone", "https://issuer.example")) == {"a": "new"}
    wanted = "--certificate-identity someone --certificate-oidc-issuer https://issuer.example"
    assert calls.read_text() == f":verify --output json {wanted} {IMAGE}\n"


def test_predicates_are_read_from_the_envelopes(calls: Path, tmp_path: Path) -> None:
    statements = [{"predicate": {"number": number}} for number in (1, 2)]
    envelopes = [{"payload": base64.b64encode(json.dumps(each).encode()).decode()} for each in statements]
    (tmp_path / "said").write_text("\n".join(map(json.dumps, envelopes)))
    assert cosign.attestations(IMAGE, Trust("k"), "https://type.example") == [{"number": 1}, {"number": 2}]


def test_a_wrong_password_names_the_key_and_the_variable(calls: Path, key: str, tmp_path: Path) -> None:
    (tmp_path / "error").write_text("Error: reading key: decrypt: encrypted: decryption failed\n")
    with pytest.raises(SparkImagesError, match=rf"^the password of the key {key} is wrong: set COSIGN_PASSWORD$"):
        cosign.signer(key, keyless=False)


def test_an_error_about_decryption_without_a_key_is_told_as_it_is(calls: Path, tmp_path: Path) -> None:
    (tmp_path / "error").write_text("Error: decrypting the answer: bad record\n")
    with pytest.raises(SparkImagesError, match=r"^cosign sign failed: decrypting the answer: bad record$"):
        cosign.sign(IMAGE, Signer(), {})


def test_an_error_of_cosign_is_one_sentence(calls: Path, tmp_path: Path) -> None:
    (tmp_path / "error").write_text(
        "WARNING: Skipping tlog verification\nError: no matching signatures\nmain.go:69: error during command execution"
    )
    with pytest.raises(SparkImagesError, match=r"^cosign verify failed: no matching signatures$"):
        cosign.verify(IMAGE, Trust("k"))


def test_a_missing_cosign_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SparkImagesError, match=r"cosign is missing: run ./bootstrap --publish"):
        cosign.verify(IMAGE, Trust("k"))

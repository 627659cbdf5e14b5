"""Signs images and attestations with cosign, and verifies them.

With a key, cosign works without a network, and writes nothing to a transparency log.
"""

import json
import os
import re
import shutil
import subprocess
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from spark_images.errors import SparkImagesError, UsageError
from spark_images.publish.references import Reference

LIMIT = 120
"""Seconds that one command of cosign may take."""

PASSWORD = "COSIGN_PASSWORD"
"""The variable with the password of the key."""


@dataclass(frozen=True)
class Signer:
    """The signer: a private key (a file, or an address such as `awskms://…`), or the user's identity if it is ""."""

    key: str = ""

    @property
    def options(self) -> Sequence[str]:
        """Cosign's options to sign."""
        return ["--key", self.key, "--tlog-upload=false"] if self.key else []


@dataclass(frozen=True)
class Trust:
    """Whose signatures count: those of a public key, or those of an identity that an issuer has confirmed."""

    key: str = ""
    identity: str = ""
    issuer: str = ""

    @property
    def options(self) -> Sequence[str]:
        """Cosign's options to verify."""
        if self.key:
            return ["--key", self.key, "--insecure-ignore-tlog=true"]
        return ["--certificate-identity", self.identity, "--certificate-oidc-issuer", self.issuer]


def trust(key: str, identity: str, issuer: str) -> Trust:
    """Returns the trust that the flags describe. Raises UsageError if they name neither a key nor an identity."""
    if key and (identity or issuer):
        raise UsageError("--key and --identity exclude each other: name one")
    if not key and not (identity and issuer):
        raise UsageError("name whose signatures count: --key cosign.pub, or --identity and --issuer")
    _check_file(key)
    return Trust(key, identity, issuer)


def signer(key: str, *, keyless: bool) -> Signer:
    """Returns the signer that the flags describe, after a test of the key and its password.

    Raises UsageError if the flags name no signer, or if the key does not exist. Raises SparkImagesError if cosign
    cannot read the key.
    """
    if bool(key) == keyless:
        raise UsageError(
            "name who signs: --key cosign.key (`cosign generate-key-pair` makes one), or --keyless for the identity of "
            "this account or CI job"
        )
    _check_file(key)
    if key:
        _run("public-key", "--key", key)
    return Signer(key)


def _check_file(key: str) -> None:
    if key and "://" not in key and not Path(key).is_file():
        raise UsageError(f"--key {key}: there is no such file: `cosign generate-key-pair` makes a key")


def sign(image: Reference, by: Signer, annotations: Mapping[str, str]) -> None:
    """Signs an image by digest, and annotations with it. Raises SparkImagesError if cosign fails."""
    named = [f"--annotations={name}={value}" for name, value in annotations.items()]
    _run("sign", "--yes", *by.options, *named, str(image))


def place_of_signature(digest: str) -> str:
    """Returns the tag of the signatures of an image. `digest` is that of its manifest. cosign documents this name."""
    return f"{digest.replace(':', '-')}.sig"


def attest(image: Reference, by: Signer, predicate_type: str, predicate: str) -> None:
    """Attaches a signed attestation to an image. Replaces one of the same type. Raises SparkImagesError if that fails.

    `predicate` is its content in JSON.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder, "predicate.json")
        file.write_text(predicate)
        kind = ("--type", predicate_type, "--predicate", str(file))
        _run("attest", "--yes", "--replace", *by.options, *kind, str(image))


def verify(image: Reference, of: Trust) -> Mapping[str, str]:
    """Returns the annotations of the newest signature that counts. Raises SparkImagesError if there is none."""
    signatures = json.loads(_run("verify", "--output", "json", *of.options, str(image)))
    return dict(signatures[-1].get("optional") or {})


def attestations(image: Reference, of: Trust, predicate_type: str) -> list[Any]:
    """Returns the predicates of a type that are attached to an image, with a signature that counts.

    Raises SparkImagesError if there is none.
    """
    return list(_predicates(_run("verify-attestation", *of.options, "--type", predicate_type, str(image))))


def _predicates(output: str) -> Iterator[Any]:
    """Yields the predicate of each envelope. Each line is one, in the format DSSE."""
    for line in output.splitlines():
        yield json.loads(b64decode(json.loads(line)["payload"]))["predicate"]


def _run(*command: str) -> str:
    """Runs cosign. Returns its output. Raises SparkImagesError if it is missing or fails."""
    if not shutil.which("cosign"):
        raise SparkImagesError("cosign is missing: run ./bootstrap --publish, or install cosign 2")
    # Without a terminal, cosign does not ask for a password. An empty one is the password of a key without one.
    environment = {PASSWORD: "", **os.environ}
    try:
        done = subprocess.run(
            ["cosign", *command], capture_output=True, text=True, check=False, timeout=LIMIT, env=environment, input=""
        )
    except subprocess.TimeoutExpired:
        raise SparkImagesError(f"cosign {command[0]} did not end within {LIMIT} s") from None
    if done.returncode:
        raise SparkImagesError(_explained(command, done.stderr))
    return done.stdout


_NOISE = re.compile(r"^(WARNING|main\.go:\d+: |error during command execution: |Error: )")


def _explained(command: Sequence[str], said: str) -> str:
    """Returns the error message from the output of a failed command of cosign."""
    if "decrypt" in said and "--key" in command:
        key = command[command.index("--key") + 1]
        return f"the password of the key {key} is wrong: set {PASSWORD}"
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith("WARNING")]
    last = next((_NOISE.sub("", line) for line in lines if line.startswith("Error: ")), lines[-1] if lines else "")
    return f"cosign {command[0]} failed: {_NOISE.sub('', last)}"

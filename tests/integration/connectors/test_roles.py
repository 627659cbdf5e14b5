"""Temporary keys of S3 for a role: with a mounted token, as Amazon's EKS gives it to a pod, and with other keys.

The server is a mock (moto) with the names of Amazon's servers, so the job needs no endpoint. Its certificate is of a
private CA. It checks keys, session tokens, signatures and what a role may do. It does not check the mounted token, so
this test does.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from spark_images.matrix.model import Cell
from spark_images.plan.project import Project
from tests.integration.conftest import HARDENED, RANDOM_UID, Image, options
from tests.integration.servers import OTHER_STS, Sts, sts

pytestmark = [pytest.mark.thorough, pytest.mark.slow]

JOB = Path(__file__).parent / "jobs/roles.py"
ROLES = {"web-identity": "s3:*", "assumed": "s3:*", "named": "s3:*", "stranger": "ec2:*"}
BY_KEYS = ("assumed", "named", "stranger")
"""The roles that a user assumes with keys. For `named`, the settings of S3A name the STS server."""

OLD_LINE = "3.5"
TOKEN = "token-of-the-pod"
WEB_IDENTITY = "software.amazon.awssdk.auth.credentials.WebIdentityTokenFileCredentialsProvider"
"""The class that reads the token."""

OLD_WEB_IDENTITY = "com.amazonaws.auth.WebIdentityTokenCredentialsProvider"
"""The same for Spark 3.5."""

LINE_WITHOUT_THE_SETTING = "4.1"

STS_SETTINGS = {
    f"assumed.role.sts.{key}": value for key, value in {"endpoint": OTHER_STS, "endpoint.region": "us-east-1"}.items()
}
"""The settings of S3A that name an STS server. On Spark 4.1, the class that reads them needs a class that only the
whole AWS SDK in one jar has. There, a variable of the SDK names the server."""

STS_VARIABLE = {"AWS_ENDPOINT_URL_STS": f"https://{OTHER_STS}"}

SUBMIT = """
trusting=-Djavax.net.ssl.trustStore=$SPARK_CA_TRUSTSTORE
exec spark-submit --master 'local-cluster[1,1,600]' --conf "spark.executor.extraJavaOptions=$trusting" "$@"
"""
"""A bash script. This master starts its executor without the scripts of the image, which set the option."""

ASSUMED = "org.apache.hadoop.fs.s3a.auth.AssumedRoleCredentialProvider"


def arn(role: str) -> str:
    return f"arn:aws:iam::123456789012:role/{role}"


@dataclass(frozen=True)
class Found:
    """The text that the job printed for each bucket, and the requests that the server got."""

    job: Mapping[str, str]
    requests: list[Any]

    def key_of(self, method: str, host: str, name: str) -> str:
        """Returns the ID of the key of the requests for an object. Fails the test if there are none, or several keys.

        Also fails the test if a request has no session token.
        """
        found = [each for each in self.requests if each["method"] == method]
        found = [each for each in found if urlsplit(each["url"]).netloc.startswith(host) and name in each["url"]]
        headers = [{key.lower(): value for key, value in each["headers"].items()} for each in found]
        assert all(each.get("x-amz-security-token") for each in headers)
        (key,) = {re.findall("Credential=([^/]*)/", each["authorization"])[0] for each in headers}
        return str(key)

    def calls(self, action: str) -> list[Mapping[str, str]]:
        """Returns the parameters of the requests to STS with this action, and the `host` of the server."""
        posts = [each for each in self.requests if each["method"] == "POST"]
        calls = [dict(parse_qsl(each["body"])) | {"host": urlsplit(each["url"]).netloc} for each in posts]
        return [call for call in calls if call.get("Action") == action]


@pytest.fixture(scope="module")
def server(project: Project, network: str) -> Iterator[Sts]:
    with sts(project, network, ROLES) as running:
        yield running


@pytest.fixture(scope="module")
def found(image: Image, cell: Cell, server: Sts) -> Found:
    """Runs one job with a separate executor. Each bucket has its own way to get keys."""
    bucket = "spark.hadoop.fs.s3a.bucket"
    settings = {
        **{f"{bucket}.named.{key}": value for key, value in STS_SETTINGS.items()},
        f"{bucket}.web-identity.aws.credentials.provider": OLD_WEB_IDENTITY if cell.line == OLD_LINE else WEB_IDENTITY,
        **{f"{bucket}.{role}.aws.credentials.provider": ASSUMED for role in BY_KEYS},
        **{f"{bucket}.{role}.assumed.role.arn": arn(role) for role in BY_KEYS},
        "spark.executorEnv.AWS_ROLE_SESSION_NAME": "executor",
        "spark.hadoop.fs.s3a.endpoint.region": "us-east-1",
        "spark.executor.memory": "500m",
    }
    environment = {
        **server.keys,
        "AWS_REGION": "us-east-1",
        "AWS_ROLE_ARN": arn("web-identity"),
        "AWS_ROLE_SESSION_NAME": "driver",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/mnt/token",
    }
    with image.volume({"roles.py": JOB, "token": TOKEN, "ca.pem": server.pem}) as volume:
        result = image.run(
            *("bash", "-c", SUBMIT, "submit", *options(settings), "/mnt/roles.py"),
            *(f"s3a://{role}/table" for role in ROLES),
            environment={
                **environment,
                **(STS_VARIABLE if cell.line != OLD_LINE else {}),
                "SPARK_CA_FILE": "/mnt/ca.pem",
            },
            network=server.network,
            extra_hosts=server.hosts,
            volumes={volume: {"bind": "/mnt", "mode": "ro"}},
            user=RANDOM_UID,
            **{**HARDENED, "tmpfs": {**HARDENED["tmpfs"], "/opt/spark/work": "mode=1777"}},
        )
    job = {urlsplit(url).netloc: said for url, said in result.json().items()}
    return Found(job, list(server.requests))


def test_mounted_token_gives_keys_of_its_role_to_driver_and_executor(found: Found) -> None:
    assert found.job["web-identity"] == "10 rows"
    calls = found.calls("AssumeRoleWithWebIdentity")
    assert {call["RoleSessionName"] for call in calls} == {"driver", "executor"}
    assert {call["WebIdentityToken"] for call in calls} == {TOKEN}
    assert {call["RoleArn"] for call in calls} == {arn("web-identity")}
    # An executor writes the rows of an attempt, and the driver the file that says that the table is complete.
    keys = {found.key_of("PUT", "web-identity.", name) for name in ("/attempt_", "/_SUCCESS")}
    assert len(keys) == 2


def test_keys_of_a_user_give_keys_of_a_role_to_driver_and_executor(found: Found, server: Sts) -> None:
    assert found.job["assumed"] == "10 rows"
    keys = {found.key_of("PUT", "assumed.", name) for name in ("/attempt_", "/_SUCCESS")}
    assert len(keys) == 2
    assert server.keys["AWS_ACCESS_KEY_ID"] not in keys


def test_role_without_a_right_gives_a_clear_error(found: Found) -> None:
    assert "AccessDenied" in found.job["stranger"]
    assert "stranger" in found.job["stranger"]


def test_a_setting_or_a_variable_names_the_sts_server(found: Found, cell: Cell) -> None:
    """On Spark 3.5 only the setting does, on Spark 4.1 only the variable, on newer Spark both. docs/data.md says so."""
    hosts = {call["RoleArn"]: call["host"] for call in found.calls("AssumeRole")}
    if cell.line == OLD_LINE:
        assert found.job["named"] == "10 rows"
        assert (hosts[arn("assumed")], hosts[arn("named")]) == ("sts.amazonaws.com", OTHER_STS)
    elif cell.line == LINE_WITHOUT_THE_SETTING:
        assert "thirdparty/org/apache/http/client/utils/URIBuilder" in found.job["named"]
        assert hosts[arn("assumed")] == OTHER_STS
    else:
        assert found.job["named"] == "10 rows"
        assert (hosts[arn("assumed")], hosts[arn("named")]) == (OTHER_STS, OTHER_STS)

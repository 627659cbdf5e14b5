"""The servers that tests start: S3, STS, Azure, Kafka, databases and catalogues, on the network of the containers.

The fixtures at the end start each server once for all folders of tests. conftest.py makes them a plugin of pytest.
"""

import base64
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from spark_images.engine import build
from spark_images.plan.project import Project
from tests.integration.conftest import Image, Service, local_image, network, options

ACCESS_KEY, SECRET_KEY = "reader", "not-a-secret"
"""The keys that the S3 server accepts."""

KEYS: Mapping[str, str] = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
"""The keys as the environment variables that each AWS SDK reads."""

PROFILE = f"[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
"""The keys as a credentials file of the AWS CLI."""

DATABASE, USER, PASSWORD = "shop", "clerk", "not-a-secret"
"""The database of a database server, and the user that the server accepts."""

MAKE_DIRECTORIES = """
import os, sys
from pyarrow.fs import S3FileSystem
endpoint, *directories = sys.argv[1:]
keys = {"access_key": os.environ["AWS_ACCESS_KEY_ID"], "secret_key": os.environ["AWS_SECRET_ACCESS_KEY"]}
store = S3FileSystem(**keys, endpoint_override=endpoint, region="us-east-1", allow_bucket_creation=True)
for directory in directories:
    store.create_dir(directory)
"""
"""A Python script for a Spark image. Arguments: the endpoint of an S3 server, and directories in buckets. It also makes
the buckets."""


AMAZON = "amazonaws.com"
"""The domain of the servers that Amazon's SDKs call if no setting names another one."""

OTHER_STS = "sts.example"
"""A name of the STS server that only a setting can know."""

SET_UP_ROLES = """
import json, sys, urllib.request
import boto3, urllib3
urllib3.disable_warnings()
names = json.loads(sys.argv[1])
how = {"endpoint_url": "https://localhost", "verify": False, "region_name": "us-east-1"}
how |= {"aws_access_key_id": "any", "aws_secret_access_key": "any"}  # the server does not check keys yet
iam, s3 = boto3.client("iam", **how), boto3.client("s3", **how)
def policy(action, **whom):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, **whom}]})
for name, action in names.items():
    trust = policy("sts:AssumeRole", Principal={"AWS": "*"})
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    iam.put_role_policy(RoleName=name, PolicyName="only", PolicyDocument=policy(action, Resource="*"))
    s3.create_bucket(Bucket=name)
iam.create_user(UserName="caller")
iam.put_user_policy(UserName="caller", PolicyName="only", PolicyDocument=policy("sts:AssumeRole", Resource="*"))
key = iam.create_access_key(UserName="caller")["AccessKey"]
print("RESULT", json.dumps({"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}))
urllib3.PoolManager(cert_reqs="CERT_NONE").request("POST", "https://localhost/moto-api/reset-auth", body=b"0")
"""
"""A Python script for the server of STS. Argument: the actions that each role may do, as JSON. It makes the roles, a
bucket with the name of each role, and a user who may only assume roles. It prints the user's keys. From then on, the
server checks keys and signatures."""


def image_of(project: Project, server: str) -> Image:
    """Returns the image of a server in docker/servers. Builds it if it is not up to date."""
    return local_image(build.layer(project, server))


@dataclass(frozen=True)
class S3:
    """A running S3 server. `network` is its network, and `endpoint` its URL there, with an IP address.

    `named` is the URL with the server's name. If a server has no name, clients put the bucket into the path without the
    setting for it.
    """

    service: Service
    network: str
    endpoint: str
    named: str

    @property
    def options(self) -> Sequence[str]:
        """The options of spark-submit that a server other than Amazon's needs."""
        s3a = "spark.hadoop.fs.s3a"
        return options({f"{s3a}.endpoint": self.endpoint, f"{s3a}.path.style.access": "true"})


@contextmanager
def s3(project: Project, image: Image, network: str, *directories: str) -> Iterator[S3]:
    """Starts an S3 server with these directories: `bucket/path`. `image` is the Spark image that makes them."""
    environment = {"ACCESS_KEY": ACCESS_KEY, "SECRET_KEY": SECRET_KEY}
    host = f"{network}-s3"
    with image_of(project, "server-s3").start(environment=environment, network=network, name=host) as service:
        service.wait_for("ServerConnector@")
        found = S3(service, network, *(f"http://{name}:7070" for name in (address(service, network), host)))
        made = image.run(
            "python3", "-c", MAKE_DIRECTORIES, found.endpoint, *directories, environment=KEYS, network=network
        )
        assert made.exit_code == 0
        yield found


@dataclass(frozen=True)
class Sts:
    """A running server that answers as S3 and STS of Amazon, under their names and with a certificate of its own CA.

    `keys` are those of a user who may only assume roles, as environment variables. `pem` is the certificate of the CA.
    """

    service: Service
    network: str
    names: Sequence[str]
    keys: Mapping[str, str]
    pem: str

    @property
    def hosts(self) -> Mapping[str, str]:
        """The IP address of each name, as the option `extra_hosts` of a container."""
        return dict.fromkeys(self.names, address(self.service, self.network))

    @property
    def requests(self) -> Sequence[Any]:
        """The requests so far, with `method`, `url`, `headers` and `body`."""
        lines = self.service.run("cat", "/tmp/requests").stdout.splitlines()
        found = [json.loads(line) for line in lines]
        return [each | {"body": base64.b64decode(each["body"]).decode(errors="replace")} for each in found]


@contextmanager
def sts(project: Project, network: str, roles: Mapping[str, str]) -> Iterator[Sts]:
    """Starts a server with roles, and a bucket for each role. `roles` names the actions that each role may do."""
    servers = [f"{name}.{region}{AMAZON}" for name in ("s3", "sts") for region in ("", "us-east-1.")]
    names = [
        OTHER_STS,
        *servers,
        *(f"{role}.{server}" for role in roles for server in servers if server.startswith("s3.")),
    ]
    authority = trustme.CA(organization_name="Own CA of the test")
    certificate = authority.issue_cert(*names, "localhost").private_key_and_cert_chain_pem.bytes()
    image = image_of(project, "server-sts")
    with image.volume({"server.pem": certificate}) as volume:
        mounts = {volume: {"bind": "/mnt", "mode": "ro"}}
        environment = {"CERTIFICATE": "/mnt/server.pem"}
        with image.start(environment=environment, network=network, volumes=mounts) as service:
            service.wait_for("Running on")
            keys = service.run("python3", "-c", SET_UP_ROLES, json.dumps(roles)).json()
            yield Sts(service, network, names, keys, authority.cert_pem.bytes().decode())


@contextmanager
def kafka(project: Project, network: str) -> Iterator[str]:
    """Starts a Kafka server and yields its address on the network: a host and a port."""
    host = f"{network}-kafka"
    with image_of(project, "server-kafka").start(host, network=network, name=host) as service:
        service.wait_for("Kafka Server started")
        yield f"{host}:9092"


AZURE_KEY = base64.b64encode(b"not-a-secret").decode()
"""The key of the storage account of an Azure server."""


@dataclass(frozen=True)
class Azure:
    """A running Azure Blob Storage server. `host` is its name on `network`, and `pem` the certificate of its CA."""

    service: Service
    network: str
    host: str
    pem: str

    def url(self, container: str) -> str:
        """Returns the URL of a container."""
        return f"abfss://{container}@{self.host}"

    @property
    def options(self) -> Sequence[str]:
        """The options of spark-submit: the key is in the variable AZURE_STORAGE_KEY, and the account is flat.

        Without the second setting, ABFS asks the DFS endpoint, which the emulator does not have.
        """
        account = "spark.hadoop.fs.azure.account"
        return options({f"{account}.key.{self.host}": "${env.AZURE_STORAGE_KEY}", f"{account}.hns.enabled": "false"})


@contextmanager
def azure(project: Project, network: str) -> Iterator[Azure]:
    """Starts an Azure Blob Storage server without a container."""
    account = network.replace("-", "")
    host = f"{account}.blob.core.windows.net"
    authority = trustme.CA(organization_name="CA of the Azure server")
    issued = authority.issue_cert(host)
    chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
    image = image_of(project, "server-azure")
    with image.volume({"cert.pem": chain, "key.pem": issued.private_key_pem.bytes()}) as certificate:
        mounts = {certificate: {"bind": "/mnt", "mode": "ro"}}
        environment = {"ACCOUNT": account, "KEY": AZURE_KEY}
        with image.start(environment=environment, network=network, name=host, volumes=mounts) as service:
            service.wait_for("successfully listens on")
            yield Azure(service, network, host, authority.cert_pem.bytes().decode())


@dataclass(frozen=True)
class Database:
    """A running database server. `network` is its network, `host` its name there, and `url` its JDBC URL.

    `user` may do everything in its database. `client` is the server's own client, up to the statement. `ready` is in
    the server's log after each start.
    """

    service: Service
    network: str
    host: str
    url: str
    client: Sequence[str]
    ready: str
    user: str = USER
    password: str = PASSWORD

    def sql(self, *statements: str) -> str:
        """Runs statements with the server's own client, and returns the rows that they print.

        Fails the test if a statement fails.
        """
        done = self.service.run(*self.client, "; ".join(statements))
        assert done.exit_code == 0
        return done.stdout.strip()

    def crash(self) -> None:
        """Kills the server and starts it again. It then has the data of all transactions that were committed."""
        container = self.service.container
        starts = self.service.log.count(self.ready)
        container.kill()
        container.wait()
        container.start()
        self.service.wait_for(self.ready, times=starts + 1)


@contextmanager
def postgresql(project: Project, network: str) -> Iterator[Database]:
    """Starts a PostgreSQL server with an empty database."""
    client = ("/opt/postgresql/psql", "-h", "/tmp", "-U", USER, "-At", "-v", "ON_ERROR_STOP=1", DATABASE, "-c")
    with _database(project, "postgresql", network, client, "system is ready to accept connections") as running:
        yield running


@contextmanager
def mariadb(project: Project, network: str) -> Iterator[Database]:
    """Starts a MariaDB server with an empty database. Its URL is one of MySQL, as MySQL's driver needs it."""
    login = (f"--user={USER}", f"--password={PASSWORD}", "--socket=/tmp/mariadb.sock")
    client = ("mariadb", *login, "--default-character-set=utf8mb4", "--skip-column-names", DATABASE, "-e")
    with _database(project, "mariadb", network, client, "ready for connections", scheme="mysql") as running:
        yield running


@contextmanager
def _database(
    project: Project, name: str, network: str, client: Sequence[str], ready: str, scheme: str = ""
) -> Iterator[Database]:
    """Starts the server docker/servers/server-<name> and waits for it. `scheme` is the URL's, if it is not `name`."""
    host = f"{network}-{name}"
    environment = {"DATABASE": DATABASE, "USER_NAME": USER, "PASSWORD": PASSWORD}
    with image_of(project, f"server-{name}").start(environment=environment, network=network, name=host) as service:
        service.wait_for(ready)
        yield Database(service, network, host, f"jdbc:{scheme or name}://{host}/{DATABASE}", client, ready)


@dataclass(frozen=True)
class Catalogue:
    """A running Iceberg REST catalogue. `uri` is its URL on the network of its S3 server, and `token` opens it."""

    service: Service
    s3: S3
    uri: str
    token: str


@contextmanager
def nessie(project: Project, s3: S3, warehouse: str) -> Iterator[Catalogue]:
    """Starts an Iceberg REST catalogue whose tables are in `warehouse`: `bucket/path` of the S3 server."""
    host = f"{s3.network}-nessie"
    key = generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    environment = {
        "WAREHOUSE": f"s3://{warehouse}",
        "S3_ENDPOINT": s3.endpoint,
        "ACCESS_KEY": ACCESS_KEY,
        "SECRET_KEY": SECRET_KEY,
        "PUBLIC_KEY": base64.b64encode(public).decode(),
    }
    with image_of(project, "server-nessie").start(environment=environment, network=s3.network, name=host) as service:
        service.wait_for("Listening on")
        yield Catalogue(service, s3, f"http://{host}:19120/iceberg", token(key))


@contextmanager
def hive(project: Project, s3: S3) -> Iterator[str]:
    """Starts a Hive metastore and yields its URI on the network of the S3 server."""
    host = f"{s3.network}-hive"
    environment = {"S3_ENDPOINT": s3.endpoint, **KEYS}
    with image_of(project, "server-hive").start(environment=environment, network=s3.network, name=host) as service:
        service.wait_for("Started the new metaserver on port")
        yield f"thrift://{host}:9083"


def token(key: RSAPrivateKey) -> str:
    """Returns a token (JWT) that is valid for a day, signed by `key`."""
    now = int(time.time())
    claims = {"sub": "spark", "iat": now - 60, "exp": now + 24 * 60 * 60}
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256", "typ": "JWT"}, claims)]
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = key.sign(signed, PKCS1v15(), SHA256())
    return f"{signed.decode()}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def address(service: Service, network: str) -> str:
    """Returns the IP address of a service on a network."""
    service.container.reload()
    return str(service.container.attrs["NetworkSettings"]["Networks"][network]["IPAddress"])


@pytest.fixture(scope="session", name="network")
def network_of_the_servers() -> Iterator[str]:
    """Yields the name of the network of all servers."""
    with network() as name:
        yield name


@pytest.fixture(scope="session", name="s3")
def s3_of_the_session(project: Project, image: Image, network: str) -> Iterator[S3]:
    """Yields an S3 server with the bucket `data`, which contains the directory `logs`."""
    with s3(project, image, network, "data/logs") as running:
        yield running


@pytest.fixture(scope="session", name="azure")
def azure_of_the_session(project: Project, network: str) -> Iterator[Azure]:
    """Yields an Azure Blob Storage server."""
    with azure(project, network) as running:
        yield running


@pytest.fixture(scope="session", name="kafka")
def kafka_of_the_session(project: Project, network: str) -> Iterator[str]:
    """Yields the address of a Kafka server."""
    with kafka(project, network) as running:
        yield running


@pytest.fixture(scope="session", name="postgresql")
def postgresql_of_the_session(project: Project, network: str) -> Iterator[Database]:
    """Yields a PostgreSQL server."""
    with postgresql(project, network) as running:
        yield running


@pytest.fixture(scope="session", name="mariadb")
def mariadb_of_the_session(project: Project, network: str) -> Iterator[Database]:
    """Yields a MariaDB server."""
    with mariadb(project, network) as running:
        yield running


@pytest.fixture(scope="session", name="nessie")
def nessie_of_the_session(project: Project, s3: S3) -> Iterator[Catalogue]:
    """Yields an Iceberg REST catalogue."""
    with nessie(project, s3, "data/rest") as running:
        yield running


@pytest.fixture(scope="session", name="hive")
def hive_of_the_session(project: Project, s3: S3) -> Iterator[str]:
    """Yields the URI of a Hive metastore."""
    with hive(project, s3) as running:
        yield running

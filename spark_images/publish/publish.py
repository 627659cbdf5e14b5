"""Publishes images: uploads what was tested, attaches what proves it, signs it, and only then sets the tags.

A tag never points to an image that lacks its signature, also if a run is interrupted. The next run continues.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

from pydantic import TypeAdapter

from spark_images import files
from spark_images.engine import build
from spark_images.errors import SparkImagesError, UsageError
from spark_images.matrix.model import Cell
from spark_images.plan.project import Project
from spark_images.publish import cosign, local, references, statements, upload
from spark_images.publish.cosign import Signer
from spark_images.publish.local import Local
from spark_images.publish.references import Reference
from spark_images.publish.registry import Manifest, Repository
from spark_images.publish.upload import Job
from spark_images.sbom import write as sbom

FILE = upload.FOLDER.with_suffix(".json")
"""Where the results of all runs are: `.build/published.json`."""

UNKNOWN = "<content>"
"""The digest of a configuration in a dry run, if no upload has read it yet."""

COLUMNS = ("cell", "state", "image", "tags")


@dataclass(frozen=True)
class Order:
    """The cells to publish, and how. `renew` attaches everything again to images that are already published."""

    cells: Sequence[Cell]
    registry: str
    untested: Sequence[str] = ()
    dirty: bool = False
    renew: bool = False


@dataclass(frozen=True)
class Published:
    """A published image: its reference by digest, the digest of its configuration, and its tags.

    `state` is `published`, `unchanged`, or `planned` after a dry run. A planned image may have no digests yet.
    """

    cell: str
    state: str
    image: str
    configuration: str
    revision: str
    tags: tuple[str, ...]
    attestations: tuple[str, ...] = ()


_PUBLISHED = TypeAdapter(list[Published])


def order(
    project: Project,
    cells: Sequence[Cell],
    registry: str,
    untested: Sequence[str] = (),
    *,
    dirty: bool = False,
    renew: bool = False,
) -> Order:
    """Returns the order that the flags describe. The setting registry is used if `registry` is "".

    Raises UsageError if there is no registry, or if images.toml has no tag that never moves.
    """
    given = registry or project.matrix.settings.registry
    if not given:
        raise UsageError(
            f"no registry: pass --registry {references.EXAMPLE}, or set registry in images.toml (SPARK_IMAGES_REGISTRY)"
        )
    if not project.matrix.aliases.immutable:
        raise UsageError("images.toml: [aliases] immutable: the key is missing: it names the tag that never moves")
    return Order(cells, references.prefix(given), untested, dirty, renew)


def plan(project: Project, what: Order) -> list[Published]:
    """Returns what `publish` would publish. Contacts no registry. Raises the errors of `local.check`."""
    images = local.find(project.matrix, what.cells)
    local.check(project.matrix, images, what.untested, build.stamp().revision, dirty=what.dirty)
    found = []
    for image in images:
        content = upload.configuration(image)
        config = upload.digest_of(content) if content else UNKNOWN
        fixed = project.matrix.immutable_tag(image.cell, _values(image, config))
        repository, _, tag = f"{what.registry}{fixed}".rpartition(":")
        tags = (tag, *(moving.tag for moving in _moving(project, what, image)))
        found.append(Published(image.cell.key, "planned", repository, config, image.revision, tags))
    return found


def publish(project: Project, what: Order, by: Signer, say: Callable[[str], None] = print) -> list[Published]:
    """Publishes images, and writes `.build/published.json`. Returns what is published now.

    Raises SparkImagesError if an image is missing or may not be published, or if the engine, the registry or cosign
    fails. No tag points to an image without its signature then.
    """
    images = local.find(project.matrix, what.cells)
    local.check(project.matrix, images, what.untested, build.stamp().revision, dirty=what.dirty)
    repositories: dict[str, Repository] = {}

    def repository(reference: Reference) -> Repository:
        # Each Repository of a registry on this machine looks whether it speaks TLS.
        if reference.repository not in repositories:
            repositories[reference.repository] = Repository(reference)
        return repositories[reference.repository]

    jobs = [Job(image, repository(_immutable(project, what, image, f"sha256:{'0' * 64}"))) for image in images]
    current = _current(project, what, jobs)
    new = [job for job in jobs if job.image.tag not in current]
    if new:
        say(f"uploading {len(new)} of {len(jobs)} images")
    uploaded = dict(zip((job.image.tag for job in new), upload.upload(new), strict=True))
    # The upload has read the other configurations. Another machine can have published these images before.
    current |= _current(project, what, new)
    manifests = uploaded | current
    for job in new:
        if job.image.tag not in current:
            _store(job, manifests[job.image.tag])
    todo = [job for job in jobs if what.renew or job.image.tag not in current]
    attached = _attach(project, todo, manifests, by, say)

    found: list[Published] = []
    try:
        for job in jobs:
            image = _published(project, what, job, manifests[job.image.tag], attached)
            _set_tags(job, image, manifests[job.image.tag])
            found.append(image)
    finally:
        _note(found)
    return found


def _published(
    project: Project, what: Order, job: Job, manifest: Manifest, attached: Mapping[str, tuple[str, ...]]
) -> Published:
    image, config = job.image, upload.config_of(manifest)
    return Published(
        image.cell.key,
        "published" if image.tag in attached else "unchanged",
        str(job.repository.reference.at(manifest.digest)),
        config,
        image.revision,
        (_immutable(project, what, image, config).tag, *(moving.tag for moving in _moving(project, what, image))),
        attached.get(image.tag, ()),
    )


def _values(image: Local, config: str) -> Mapping[str, str]:
    return {"day": image.day, "content": config.removeprefix("sha256:")[:12]}


def _immutable(project: Project, what: Order, image: Local, config: str) -> Reference:
    return references.parse(f"{what.registry}{project.matrix.immutable_tag(image.cell, _values(image, config))}")


def _moving(project: Project, what: Order, image: Local) -> list[Reference]:
    aliases = dict.fromkeys(alias for _, alias in project.matrix.alias_templates(image.cell))
    return [references.parse(f"{what.registry}{alias}") for alias in aliases]


def _current(project: Project, what: Order, jobs: Sequence[Job]) -> dict[str, Manifest]:
    """Returns the manifests of the images that are already published, by the engine's tag.

    The tag that never moves is set after the signature. An image that lost its signature is published again.
    """
    found = {}
    for job in jobs:
        content = upload.configuration(job.image)
        if content is None:  # no upload has read it yet
            continue
        config = upload.digest_of(content)
        name = _immutable(project, what, job.image, config)
        manifest = job.repository.manifest(name.tag)
        if manifest and upload.config_of(manifest) != config:
            raise SparkImagesError(
                f"{name} is another image ({upload.config_of(manifest)}), and this tag never moves: "
                "add {content} to [aliases] immutable in images.toml"
            )
        if manifest and job.repository.manifest(cosign.place_of_signature(manifest.digest)):
            found[job.image.tag] = manifest
    return found


def _store(job: Job, manifest: Manifest) -> None:
    """Stores a manifest under its digest, and reads it again."""
    job.repository.set_manifest(manifest.digest, manifest)
    if job.repository.manifest(manifest.digest) is None:
        raise SparkImagesError(
            f"{job.repository.reference.at(manifest.digest)}: the registry did not keep the manifest"
        )


def _attach(
    project: Project, jobs: Sequence[Job], manifests: Mapping[str, Manifest], by: Signer, say: Callable[[str], None]
) -> dict[str, tuple[str, ...]]:
    """Attaches all statements to each image, and then signs it. Returns their types, by the engine's tag."""
    if not jobs:
        return {}
    say("attaching SBOMs, provenance, test results and VEX, and signing")
    bills = sbom.bills(project, [job.image.cell for job in jobs])

    def attach(job: Job, number: int) -> tuple[str, tuple[str, ...]]:
        reference = job.repository.reference.at(manifests[job.image.tag].digest)
        found = statements.of(project, job.image, bills[number], reference)
        for kind, predicate in found.items():
            cosign.attest(reference, by, kind, predicate)
        cosign.sign(reference, by, statements.listed(found))
        say(f"signed {reference} ({job.image.cell.key})")
        return job.image.tag, tuple(found)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(pool.map(attach, jobs, range(len(jobs))))


def _set_tags(job: Job, image: Published, manifest: Manifest) -> None:
    """Sets the tags that do not point to the manifest yet. The first one never moves: `_current` has looked at it."""
    for tag in image.tags:
        now = job.repository.manifest(tag)
        if now is None or now.digest != manifest.digest:
            job.repository.set_manifest(tag, manifest)


def _note(found: Sequence[Published]) -> None:
    """Adds the results to those of other runs. A result replaces the one of the same cell and repository."""

    def where(each: Published) -> tuple[str, str]:
        return each.cell, each.image.partition("@")[0]

    with files.locked(FILE.with_suffix(".lock")):
        before = {where(each): each for each in files.noted(FILE, _PUBLISHED) or []}
        for each in found:
            old = before.get(where(each))
            kept = old.attestations if old and not each.attestations else each.attestations
            before[where(each)] = replace(each, attestations=kept)
        files.write(FILE, json.dumps([asdict(each) for each in before.values()], indent=1) + "\n")


def table(found: Sequence[Published]) -> list[Sequence[str]]:
    """Returns a row for each image."""
    return [(each.cell, each.state, each.image, ", ".join(each.tags)) for each in found]


def data(found: Sequence[Published]) -> list[dict[str, Any]]:
    """Returns the images as plain data."""
    return [asdict(each) for each in found]

"""A fitted router as a folder, without pickle: `manifest.json` says what it is, `arrays.npz` holds what it learned.

`save` writes the whole folder or nothing. `load` decides bit for bit as what was saved, or refuses and says why.
"""

from __future__ import annotations

import hashlib
import io
import math
import shutil
import zipfile
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from fairlead.certificate import Certificate
from fairlead.errors import ArtifactError, FairleadError
from fairlead.evidence import Evidence, ModelMetrics
from fairlead.features import FEATURES
from fairlead.policies import POLICIES
from fairlead.predictors import AMOUNTS, PREDICTORS
from fairlead.router import Router
from fairlead.types import Candidate  # noqa: TC001 - msgspec reads the hints of a struct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.estimator import Component, State
    from fairlead.policies.base import Policy

FORMAT = 4
"""Version of the folder's layout; a reader refuses others."""

MANIFEST, ARRAYS, CERTIFICATE = "manifest.json", "arrays.npz", "certificate.json"

_INFINITY = "Infinity"
_COMPONENTS = {
    "features": FEATURES,
    "success": PREDICTORS,
    "tokens": PREDICTORS,
    "input_tokens": AMOUNTS,
    "latency": PREDICTORS,
}
_EVIDENCE_ARRAYS = (
    *("question", "prompt_hash"),
    *("p_success", "p_success_sd", "predicted_tokens", "predicted_input_tokens", "predicted_latency_p95_s"),
    *("score", "input_tokens", "output_tokens", "latency_s", "assumed", "answers", "answer_form"),
)


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """A class by its name in a registry, and the constructor's arguments; parts are described the same way."""

    class_: str = msgspec.field(name="class")
    params: dict[str, Any]


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """What a router was fitted on, and how good it was on prompts that it had not seen."""

    table: str
    data_hash: str
    seed: int
    n_prompts: int
    metrics: tuple[ModelMetrics, ...]


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of a router but its arrays."""

    kind: str = "fairlead router"
    format: int
    library: str
    """Version that wrote it."""
    router: str
    """Version of the router itself: a hash over everything that decides."""
    candidates: tuple[Candidate, ...]
    reference: str | None
    control_share: float
    models: tuple[str, ...]
    policy: Description
    features: Description | None
    success: Description | None
    tokens: Description | None
    input_tokens: Description | None
    latency: Description | None
    training: Training | None
    calibration: Training | None = None
    """Outcomes on which nothing was fitted."""
    certificate: str | None = None
    """Id of the certificate, which is a file of its own."""
    arrays_sha256: str


def save(router: Router, path: str | Path) -> None:
    """Writes the router as a new folder, or in the place of an older router.

    Raises:
        ArtifactError: something else lies at `path`, or the router has parts that only its own program knows.
    """
    folder = Path(path)
    refuse_foreign(folder)
    arrays = _packed(_arrays(router))
    manifest = msgspec.json.format(msgspec.json.encode(_manifest(router, hashlib.sha256(arrays).hexdigest())), indent=2)
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        (partial / ARRAYS).write_bytes(arrays)
        (partial / MANIFEST).write_bytes(manifest + b"\n")
        if router.certificate is not None:
            certificate = msgspec.json.format(msgspec.json.encode(router.certificate), indent=2)
            (partial / CERTIFICATE).write_bytes(certificate + b"\n")
        _put(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def refuse_foreign(folder: Path) -> None:
    """Raises ArtifactError where something lies at `folder` that `save` may not replace."""
    if folder.exists() and not (folder / MANIFEST).is_file():
        raise ArtifactError(f"`{folder}` exists and is no saved router. Choose another name, or remove it first.")


def load(path: str | Path) -> Router:
    """Reads a router that `save` wrote.

    Raises:
        ArtifactError: it is missing, cut, altered, newer than this library or no router; says which.
    """
    folder = Path(path)
    manifest = _read_manifest(folder / MANIFEST)
    arrays = _read_arrays(folder / ARRAYS, manifest.arrays_sha256)
    try:
        router = _router(manifest, arrays)
    except (TypeError, KeyError, ValueError, FairleadError) as error:
        raise ArtifactError(f"`{folder}` does not describe a router ({error}). Fit and save it again.") from error
    if router.version != manifest.router:
        raise ArtifactError(
            f"`{folder / MANIFEST}` was altered: it names router `{manifest.router}` and describes `{router.version}`."
            " Restore it, or fit and save the router again."
        )
    certificate = None if manifest.certificate is None else _read_certificate(folder / CERTIFICATE, manifest)
    return replace(router, certificate=certificate)


# Writing -------------------------------------------------------------------------------------------------------------


def _manifest(router: Router, arrays_sha256: str) -> Manifest:
    evidence = router.evidence
    return Manifest(
        format=FORMAT,
        library=version("fairlead"),
        router=router.version,
        candidates=router.candidates,
        reference=router.reference,
        control_share=float(router.control_share),
        models=router.models,
        policy=_described(router.policy, POLICIES),
        features=_part(router.features, FEATURES),
        success=_part(router.success, PREDICTORS),
        tokens=_part(router.tokens, PREDICTORS),
        input_tokens=_part(router.input_tokens, AMOUNTS),
        latency=_part(router.latency, PREDICTORS),
        training=None if evidence is None else _training(evidence),
        calibration=None if router.calibration is None else _training(router.calibration),
        certificate=None if router.certificate is None else router.certificate.id,
        arrays_sha256=arrays_sha256,
    )


def described_policy(policy: Policy) -> Description:
    """Returns a policy of `POLICIES` as it stands in a manifest."""
    return _described(policy, POLICIES)


def restored_policy(description: Description) -> Policy:
    """Returns the policy that was described.

    Raises:
        ArtifactError: no policy has that name.
    """
    policy: Policy = _built(description, POLICIES)
    return policy


def _part(component: Component | None, registry: Mapping[str, type]) -> Description | None:
    return None if component is None else _described(component, registry)


def _described(component: Component, registry: Mapping[str, type]) -> Description:
    if registry.get(type(component).__name__) is not type(component):
        known = ", ".join(f"`{name}`" for name in registry)
        raise ArtifactError(f"`{type(component).__name__}` cannot be saved; expected one of {known}.")
    return msgspec.convert(_spelled(component.description()), Description)


def _spelled(value: Any) -> Any:
    """Returns a description in which infinity, which JSON lacks, is a word."""
    if isinstance(value, dict):
        return {name: _spelled(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_spelled, value))
    return _INFINITY if value == math.inf else value


def _training(evidence: Evidence) -> Training:
    return Training(
        table=evidence.table,
        data_hash=evidence.data_hash,
        seed=evidence.seed,
        n_prompts=len(evidence.score),
        metrics=evidence.metrics(),
    )


def _arrays(router: Router) -> State:
    arrays = {
        f"{part}/{name}": getattr(evidence, name)
        for part, evidence in (("evidence", router.evidence), ("calibration", router.calibration))
        for name in _EVIDENCE_ARRAYS
        if evidence is not None
    }
    for part in _COMPONENTS:
        component = getattr(router, part)
        if component is not None:
            arrays |= {f"{part}/{name}": array for name, array in component.state().items()}
    return arrays


def _packed(arrays: State) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _put(partial: Path, folder: Path) -> None:
    """Moves the new folder to its place; an older one stands beside it, as `.older`, until that is done."""
    older = folder.with_name(folder.name + ".older")
    shutil.rmtree(older, ignore_errors=True)
    if folder.exists():
        folder.rename(older)
    try:
        partial.rename(folder)
    except OSError:
        older.rename(folder)
        raise
    shutil.rmtree(older, ignore_errors=True)


# Reading -------------------------------------------------------------------------------------------------------------


class _Header(msgspec.Struct, frozen=True):
    kind: str = ""
    format: int = 0


def _read_manifest(path: Path) -> Manifest:
    if not path.is_file():
        raise ArtifactError(f"`{path}` does not exist; expected a saved router. `fairlead fit --out FOLDER` makes one.")
    content = path.read_bytes()
    try:
        header = msgspec.json.decode(content, type=_Header)
    except msgspec.DecodeError as error:
        raise ArtifactError(f"`{path}` is cut or is no manifest ({error}). Copy or save the router again.") from error
    if header.kind != "fairlead router":
        raise ArtifactError(f"`{path}` is of kind {header.kind!r}; expected a saved router. Check the path.")
    if header.format > FORMAT:
        raise ArtifactError(
            f"`{path}` has format {header.format}; this version reads format {FORMAT}. Upgrade `fairlead`."
        )
    if header.format < FORMAT:
        raise ArtifactError(
            f"`{path}` has format {header.format}; this version reads format {FORMAT}. Fit and save the router again."
        )
    try:
        return msgspec.json.decode(content, type=Manifest)
    except msgspec.ValidationError as error:
        raise ArtifactError(f"`{path}` does not describe a router ({error}). Save the router again.") from error


def _read_certificate(path: Path, manifest: Manifest) -> Certificate:
    """Returns the certificate, where it is the very one that was saved with this router."""
    try:
        certificate = msgspec.json.decode(path.read_bytes(), type=Certificate)
    except (OSError, msgspec.DecodeError) as error:
        raise ArtifactError(f"`{path}` cannot be read ({error}). Copy the whole folder, or certify again.") from error
    if not certificate.is_intact or certificate.id != manifest.certificate or certificate.router != manifest.router:
        raise ArtifactError(f"`{path}` was altered, or belongs to another router. Restore it, or certify again.")
    return certificate


def _read_arrays(path: Path, sha256: str) -> State:
    if not path.is_file():
        raise ArtifactError(f"`{path}` does not exist; expected the arrays of a router. Copy the whole folder.")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ArtifactError(f"`{path}` is cut or was altered: its checksum is not the manifest's. Copy it again.")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return dict(arrays)
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise ArtifactError(f"`{path}` does not hold arrays ({error}). Save the router again.") from error


def _router(manifest: Manifest, arrays: State) -> Router:
    parts = {
        name: _restored(getattr(manifest, name), registry, _under(name, arrays))
        for name, registry in _COMPONENTS.items()
    }
    return Router(
        candidates=manifest.candidates,
        reference=manifest.reference,
        policy=_built(manifest.policy, POLICIES),
        control_share=manifest.control_share,
        models=manifest.models,
        evidence=_evidence(manifest.training, manifest.models, _under("evidence", arrays)),
        calibration=_evidence(manifest.calibration, manifest.models, _under("calibration", arrays)),
        **parts,
    )


def _restored(component: Description | None, registry: Mapping[str, type], state: State) -> Any:
    return None if component is None else _built(component, registry).restore(state)


def _built(component: Description, registry: Mapping[str, type]) -> Any:
    """Returns the estimator that a description names; a parameter that is a description is built first."""
    if component.class_ not in registry:
        known = ", ".join(f"`{name}`" for name in registry)
        raise ArtifactError(f"unknown component `{component.class_}`; expected one of {known}")
    params = {name: _argument(value, registry) for name, value in component.params.items()}
    return registry[component.class_](**params)


def _argument(value: Any, registry: Mapping[str, type]) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_argument(item, registry) for item in value)
    if isinstance(value, dict) and value.keys() == {"class", "params"}:
        return _built(msgspec.convert(value, Description), registry)
    return math.inf if value == _INFINITY else value


def _under(prefix: str, arrays: State) -> State:
    return {name.removeprefix(f"{prefix}/"): array for name, array in arrays.items() if name.startswith(f"{prefix}/")}


def _evidence(
    training: Training | None, models: tuple[str, ...], arrays: Mapping[str, npt.NDArray[Any]]
) -> Evidence | None:
    if training is None:
        return None
    return Evidence(
        table=training.table,
        data_hash=training.data_hash,
        seed=training.seed,
        models=models,
        **{name: arrays[name] for name in _EVIDENCE_ARRAYS},
    )

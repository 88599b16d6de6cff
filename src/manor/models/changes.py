"""One version of a Model in the place of another."""

from typing import Any

from manor.api import API_VERSION, Model, kinds
from manor.errors import ManorError
from manor.kube import Client, Object
from manor.load import Document
from manor.models.history import Revision, history
from manor.rollout import Progress, apply_stages, make_stored, read_desired, silent
from manor.state import State, read_workload

KIND = kinds.MODEL.kind


class ModelError(ManorError):
    """A model cannot be changed so; the message says why."""


async def promote(client: Client, name: str, namespace: str, progress: Progress = silent) -> str:
    """Make the canary the model, for all requests: the URI that is served from now on. ModelError
    where there is no canary."""
    model, _ = await find_model(client, name, namespace)
    if model.spec.canary is None:
        raise ModelError(f"Model {namespace}/{name} has no canary (spec.canary)")
    uri = model.spec.canary.storage_uri
    await _change(client, model, {"storageUri": uri, "canary": None}, progress)
    return uri


async def rollback(
    client: Client, name: str, namespace: str, to: int = 0, progress: Progress = silent
) -> Revision:
    """Serve an earlier version again: that of the number `to`, or the one before today's; a canary
    goes. ModelError where there is none."""
    model, known = await find_model(client, name, namespace)
    revisions = await history(client, model)
    if not revisions:
        raise ModelError(f"nothing is known of earlier versions of Model {namespace}/{name}")
    now, *before = revisions
    wanted = next((each for each in before if to in (0, each.number)), None)
    if wanted is None:
        there = ", ".join(str(each.number) for each in before) or "none"
        what = f"no version {to}" if to else "no earlier version"
        raise ModelError(f"there is {what} of Model {namespace}/{name}; earlier ones: {there}")
    change: Object = {"storageUri": wanted.storage_uri or None, "canary": None}
    if wanted.image != now.image:
        catalogue = known.platform.spec.images.serving if known.platform else {}
        usual = catalogue.get(model.spec.format)
        change["image"] = None if wanted.image == usual else wanted.image
    await _change(client, model, change, progress)
    return wanted


async def find_model(client: Client, name: str, namespace: str) -> tuple[Model, State]:
    """A Model, and what was read with it. NoSuchWorkload."""
    known = await read_workload(client, KIND, name, namespace)
    model = known.workloads[0]
    assert isinstance(model, Model)  # noqa: S101 - it was read as one
    return model, known


async def _change(client: Client, model: Model, change: Object, progress: Progress) -> None:
    """Store the change, and have it so."""
    meta = model.metadata
    live = await client.get(API_VERSION, KIND, meta.name, meta.namespace)
    if Model.model_validate(live).spec != model.spec:
        raise ModelError(
            f"somebody changed Model {meta.namespace}/{meta.name} meanwhile; try again"
        )
    spec: dict[str, Any] = {**live["spec"], **change}
    wanted = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": meta.name, "namespace": meta.namespace},
        "spec": {key: value for key, value in spec.items() if value is not None},
    }
    # All is checked before anything is written.
    document = Document(wanted, f"{KIND} {meta.name}", {(): 0})
    apply_stages(await read_desired(client, [document], progress))
    # Not applied: a later `manor apply` of the file, which says otherwise, is told so.
    stored = await client.replace({**live, "spec": wanted["spec"]})
    if why := await make_stored(client, stored, progress):
        raise ModelError(why)

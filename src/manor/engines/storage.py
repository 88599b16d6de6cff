"""Where a model's files are: a storage URI as a volume of the serving pod."""

from manor.render.objects import Object

MODEL_PATH = "/mnt/models"
"""Where the serving runtime finds the model's files (KServe's convention)."""


def obstacle(storage_uri: str, engine: str) -> str:
    """Why the engine cannot mount the URI; empty if it can."""
    scheme, _, rest = storage_uri.partition("://")
    if scheme == "pvc" and ".." in rest.partition("/")[2].split("/"):
        return f"{storage_uri}: a path inside a volume cannot hold '..'"
    if scheme in ("pvc", "oci"):
        return ""
    known = "pvc://<claim>/<path> and oci://<image>"
    return (
        f"{storage_uri}: the {engine} engine serves {known}; copy the files to a volume, or "
        "name an image"
    )


def model_volume(storage_uri: str) -> tuple[Object, Object, str]:
    """The volume of a storage URI, its mount, and the path of the model's files in the container.

    A claim is mounted whole, so that a model written anew is seen. The URI has no `obstacle`.
    """
    scheme, _, rest = storage_uri.partition("://")
    mount: Object = {"name": "model", "mountPath": MODEL_PATH, "readOnly": True}
    if scheme == "oci":
        return {"name": "model", "image": {"reference": rest}}, mount, MODEL_PATH
    claim, _, path = rest.partition("/")
    volume: Object = {
        "name": "model",
        "persistentVolumeClaim": {"claimName": claim, "readOnly": True},
    }
    return volume, mount, f"{MODEL_PATH}/{path.strip('/')}".rstrip("/")

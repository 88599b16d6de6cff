"""Where a model's files are: a storage URI as a volume of the serving pod."""

from manor.errors import ManorError
from manor.render.objects import Object


class Unsupported(ManorError, ValueError):
    """The engine cannot do what a spec asks; the message says what it can."""


MODEL_PATH = "/mnt/models"
"""Where the serving runtime finds the model's files (KServe's convention)."""


def model_volume(storage_uri: str) -> tuple[Object, Object, str]:
    """The volume of a storage URI, its mount, and the path of the model's files in the container.

    A claim is mounted whole, so that a model written anew is seen. Unsupported if the engine cannot mount the URI.
    """
    scheme, _, rest = storage_uri.partition("://")
    mount: Object = {"name": "model", "mountPath": MODEL_PATH, "readOnly": True}
    if scheme == "pvc":
        claim, _, path = rest.partition("/")
        if ".." in path.split("/"):
            raise Unsupported(f"{storage_uri}: a path inside a volume cannot hold '..'")
        volume: Object = {"name": "model", "persistentVolumeClaim": {"claimName": claim, "readOnly": True}}
        return volume, mount, f"{MODEL_PATH}/{path.strip('/')}".rstrip("/")
    if scheme == "oci":
        return {"name": "model", "image": {"reference": rest}}, mount, MODEL_PATH
    known = "pvc://<claim>/<path> and oci://<image>"
    raise Unsupported(f"{storage_uri}: the native engine serves {known}; copy the files to a volume, or name an image")

"""A stand-in for the parts of Google's REST APIs that the GKE program uses, on loopback.

It answers as Google documents: operations that take time, fingerprints and etags, 404 for what is
not there, 409 for what is, 400 for what still uses a thing. Every body that is sent must parse into
Google's own published types, and so must every answer. What it cannot know is what Google's servers
decide by themselves: quotas, stock, the defaults of a version.
"""

from google_apis.cloud import Fault, GoogleCloud
from google_apis.clusters import ControlPlane

__all__ = ["ControlPlane", "Fault", "GoogleCloud"]

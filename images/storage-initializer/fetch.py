"""Fetch models, each from its address into its folder, as KServe starts its storage initializer.

Usage: fetch.py SOURCE FOLDER [SOURCE FOLDER ...]

The credentials and the server's address are in the environment (AWS_ACCESS_KEY_ID,
AWS_ENDPOINT_URL, STORAGE_CONFIG, ...), where KServe puts what the team's Secret says.
"""

import os
import sys

from kserve_storage import Storage, configure_logging


def main() -> None:
    """The last line that is printed is what the pod's status shows of a failure."""
    sources, folders = sys.argv[1::2], sys.argv[2::2]
    if not sources or len(sources) != len(folders):
        sys.exit(__doc__)
    if os.environ.get("CONFIDENTIAL_ENABLED", "").lower() == "true":
        sys.exit("this image decrypts no models; remove the annotation that asks for it")
    configure_logging()
    try:
        Storage.download_files(sources, folders)
    except Exception as error:  # whatever the libraries of the stores raise
        sys.exit(f"{' '.join(sources)} cannot be fetched: {error}")


if __name__ == "__main__":
    main()

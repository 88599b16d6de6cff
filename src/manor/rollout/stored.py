"""What somebody has stored is made so: by the operator where one works, and by us otherwise."""

from dataclasses import replace

from manor.apply import Options
from manor.kube import Client, Object
from manor.load import Document
from manor.rollout.handover import refusal
from manor.rollout.progress import Progress
from manor.rollout.reading import read_desired
from manor.rollout.rollout import roll_out
from manor.rollout.sets import apply_stages
from manor.state import is_operated


async def make_stored(client: Client, stored: Object, progress: Progress) -> str:
    """Make a stored spec so; why that failed, a line each, or nothing. The spec itself is not
    written: all that its authors wrote stays theirs. Raises InvalidInput."""
    title = f"{stored['kind']} {stored['metadata']['name']}"
    if await is_operated(client):
        reason = await refusal(client, stored, progress)
        return f"{title}: {reason}" if reason else ""
    document = Document(stored, title, {(): 0})
    stages = apply_stages(await read_desired(client, [document], progress))
    parts = [[replace(part, parent=None) for part in stage] for stage in stages]
    outcome = await roll_out(client, parts, Options(), progress)
    return "" if outcome.ok else outcome.reasons

"""Commands that are named by kinds."""

from typing import Any

from typer.core import TyperGroup

from manor.nouns import singular


class KindGroup(TyperGroup):
    """Each is found by any of its kind's names, and `KIND/NAME` is read as kubectl reads it."""

    elsewhere = ""
    """What tells of other kinds."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is meant."""
        kind, slash, name = args[0].partition("/")
        known = {singular(each): each for each in self.commands}
        if meant := known.get(singular(kind)):
            args = [meant, *([name] if slash else []), *args[1:]]
        elif not ctx.resilient_parsing:
            ctx.fail(f"no kind {kind!r}; there are: {', '.join(self.commands)}{self.elsewhere}")
        return super().resolve_command(ctx, args)

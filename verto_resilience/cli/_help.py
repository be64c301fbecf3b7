"""How ``--help`` shows arguments and options: by their names, not by the types of Python."""

from typing import Any

from typer.core import TyperCommand, TyperGroup


class Command(TyperCommand):
    """A command whose help names what is to be given."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Give the parameters, ready to be shown."""
        return [_named(parameter) for parameter in super().get_params(ctx)]

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Give the parts of the usage line; what is required stands there as it is."""
        pieces = super().collect_usage_pieces(ctx)
        return [piece.replace("{", "").replace("}", "") for piece in pieces]


class Group(TyperGroup):
    """The same for a command that has commands."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Give the parameters, ready to be shown."""
        return [_named(parameter) for parameter in super().get_params(ctx)]


def _named(parameter: Any) -> Any:
    if getattr(parameter, "is_flag", False):
        # An empty name keeps typer from putting <bool> there.
        parameter.metavar = ""
    elif parameter.param_type_name == "argument" and hasattr(parameter, "display_type_rich"):
        # The name stands before it already; a type beside it would be put there by typer.
        parameter.display_type_rich = _nothing
    return parameter


def _nothing(**_: Any) -> None:
    return None

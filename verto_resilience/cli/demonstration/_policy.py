"""The settings of the demo: the library's own, but for those that would make it long."""

from verto_resilience.pipeline import Policy, settings_table

HOST = "127.0.0.1"
"""Where the sandbox listens; the demo takes it for one of Verto's hosts."""


def demo_policy() -> Policy:
    """Give the defaults with shorter waits, and the sandbox's host as one of Verto's."""
    return Policy(
        verto_hosts=(HOST,),
        server_error_wait_min=0.3,
        server_error_wait_max=0.6,
        break_duration=2.0,
    )


def differences(policy: Policy) -> list[str]:
    """Say which settings are not the defaults, each as ``name value (default)``."""
    return [
        f"{setting.name} {_written(value)} instead of {_written(setting.default)}"
        for setting in settings_table()
        if (value := getattr(policy, setting.name)) != setting.default
    ]


def _written(value: object) -> str:
    match value:
        case float():
            return f"{value:g} s"
        case tuple():
            return ", ".join(value)
        case _:
            return str(value)

"""``python -m verto_resilience.testing``: the sandbox from a shell."""

import argparse
import sys
from collections.abc import Sequence

from verto_resilience.errors import ConfigurationError
from verto_resilience.testing._reply import RetryAfterForm
from verto_resilience.testing._scripts import SCRIPT_NAMES
from verto_resilience.testing._serve import serve


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the arguments and serve.

    Returns:
        The exit code: 0 once it was told to end, 2 for arguments that cannot be.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    if (given.certificate is None) != (given.key is None):
        parser.error("--certificate and --key go together")
    try:
        return serve(
            given.host,
            given.port,
            script=given.script,
            path=given.path,
            seconds=given.seconds,
            count=given.count,
            form=given.form,
            repeat=given.repeat,
            require_auth=given.require_auth,
            code_key=given.code_key,
            tls=None if given.key is None else (given.certificate, given.key),
        )
    except ConfigurationError as error:
        parser.error(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m verto_resilience.testing",
        description="A loopback server that answers as Verto documents, to test clients against.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0 (the default) for any free one")
    parser.add_argument(
        "--script",
        help=f"one of {', '.join(SCRIPT_NAMES)}, or answers: '503 x2, 429 retry-after=1, ok'",
    )
    parser.add_argument("--path", help="path or template the script plays on (default: every one)")
    parser.add_argument("--seconds", type=float, help="length of 'throttled' or 'down'")
    parser.add_argument("--count", type=int, help="number of 503s of 'down' or 'recovering'")
    parser.add_argument("--form", help=f"Retry-After as {' or '.join(RetryAfterForm)}")
    parser.add_argument("--repeat", action="store_true", help="begin the answers again")
    parser.add_argument("--require-auth", action="store_true", help="ask for a bearer token")
    parser.add_argument("--code-key", default="code", help="JSON key of the API error code")
    parser.add_argument("--certificate", help="certificate file, for HTTPS")
    parser.add_argument("--key", help="its key file")
    return parser


if __name__ == "__main__":
    sys.exit(main())

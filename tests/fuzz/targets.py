"""The targets by name: a check, and words that its inputs are made of."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.fuzz.about_files import catalogue_files, pages, policy_files, variables
from tests.fuzz.about_requests import operations, urls
from tests.fuzz.about_responses import CANARY, classification, error_bodies, retry_after

CORPUS = Path(__file__).with_name("corpus")


class Target(NamedTuple):
    """What is fuzzed.

    Attributes:
        check: Raises when a promise is broken; takes any bytes.
        words: Pieces that inputs are made of.
    """

    check: Callable[[bytes], None]
    words: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the check."""
        return self.check.__name__

    def seeds(self) -> list[Path]:
        """Give the inputs that are kept, those that once failed among them."""
        return sorted(path for path in (CORPUS / self.name).iterdir() if path.is_file())


_TOML = ("[[", "]]", "[", "]", "{", "}", "=", '"', "'''", "#", "\n", ",", "\\u0085", "nan", "inf")
_MARKUP = ("<table>", "</table>", "<tr>", "<td>", "<th>", "</td>", "<![", "<!--", "<script>", "&#")
_PAGE = (
    "HTTP Code",
    "Message",
    "Description",
    "API Error Code",
    "HTTP Status Code",
    "HTTP CodeMessageDescription\n",
    "API Error CodeDescriptionHTTP Status Code\n",
    "404Not FoundThe resource\n",
    "1Placeholder400\n",
    "| --- | --- | --- |\n",
    "|",
    "\n",
)
_SETTINGS = (
    "max_attempts",
    "call_timeout",
    "read_timeout",
    "breaker_mode",
    "verto_hosts",
    "code_keys",
    "observe_only",
    "none",
    "true",
    "1e400",
    "-0",
    "0x10",
    "1_0",
)

TARGETS = {
    target.name: target
    for target in (
        Target(
            classification,
            (
                "200\n",
                "503\n",
                "429\n",
                "Retry-After: 5\n",
                "Content-Type: application/json\n",
                "Vfx-Api-Call-Id: ",
                "\n\n",
                '{"message": "',
                '", "code": 1}',
                '"success": false',
                CANARY,
                "Bearer ",
                "token=",
                "\\u0041",
            ),
        ),
        Target(
            retry_after,
            (
                "120",
                "0",
                "\n",
                ",",
                "Sun, 06 Nov 1994 08:49:37 GMT",
                "Sunday, 06-Nov-94 08:49:37 GMT",
                "Sun Nov  6 08:49:37 1994",
                '"default";r=0;t=30',
                ";r=0",
                ";t=9999999999999",
                "\t",
                "-1",
                "1.5",
            ),
        ),
        Target(
            error_bodies,
            (
                "{",
                "}",
                "[",
                '"code":',
                '"errorCode":',
                '"error":{"code":',
                '"message":"',
                '"success":false',
                '"success":true',
                "1e999",
                '"12"',
                "\\ud800",
                "\\u0000",
                ",",
                "\ufeff",
                "NaN",
            ),
        ),
        Target(pages, (*_MARKUP, *_PAGE)),
        Target(
            catalogue_files,
            (*_TOML, "[[status]]\n", "[[code]]\n", "status = 503\n", "code = 1\n", "wait", "retry"),
        ),
        Target(variables, (*(name.upper() for name in _SETTINGS), *_SETTINGS, "=", "\n", ",")),
        Target(
            policy_files,
            (
                *_TOML,
                *_SETTINGS,
                '[origins."https://api.example.com"]\n',
                "origins",
                ":443",
                "[::1]",
            ),
        ),
        Target(
            operations,
            (
                "GET ",
                "POST ",
                "/orders/v2.1/fx",
                "%2F",
                "%2e%2e",
                "/../",
                ";",
                "//",
                "?a=b",
                "\n{}",
            ),
        ),
        Target(
            urls,
            (
                "https://",
                "http://",
                "user:secret@",
                "api.verto.example",
                ":443",
                "/",
                "\\",
                "#",
                "?",
            ),
        ),
    )
}

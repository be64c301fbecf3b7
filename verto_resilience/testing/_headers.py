"""Header fields as they came, looked up as HTTP looks them up."""

from collections.abc import Iterable, Iterator, Mapping


class Headers(Mapping[str, str]):
    """Read-only header fields: names keep their spelling, lookup ignores case.

    A field that came more than once reads as its values joined by ``", "`` (RFC 9110 §5.3);
    :attr:`fields` has every line as it came.
    """

    __slots__ = ("_joined", "fields")

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        """Keep the fields in their order.

        Args:
            fields: Name and value of each header line.
        """
        self.fields = tuple(fields)
        joined: dict[str, tuple[str, str]] = {}
        for name, value in self.fields:
            key = name.lower()
            if key in joined:
                first, before = joined[key]
                joined[key] = (first, f"{before}, {value}")
            else:
                joined[key] = (name, value)
        self._joined = joined

    def __getitem__(self, name: str) -> str:
        """Look a field up, whatever its spelling."""
        return self._joined[name.lower()][1]

    def __iter__(self) -> Iterator[str]:
        """Walk over the names as they were first spelled."""
        return (name for name, _ in self._joined.values())

    def __len__(self) -> int:
        """Count the different names."""
        return len(self._joined)

    def __hash__(self) -> int:
        """Allow frozen values that hold headers to be hashed."""
        return hash(frozenset((key, value) for key, (_, value) in self._joined.items()))

    def __eq__(self, other: object) -> bool:
        """Compare with any mapping, ignoring the case of names."""
        if not isinstance(other, Mapping):
            return NotImplemented
        theirs = {str(name).lower(): value for name, value in other.items()}
        return theirs == {key: value for key, (_, value) in self._joined.items()}

    def __repr__(self) -> str:
        """Show the names only: a value may be a credential."""
        return f"Headers({', '.join(self)})"

import pickle

import pytest

from verto_resilience.testing import Headers


def test_lookup_ignores_case_and_names_keep_their_spelling() -> None:
    """A field is found however it is spelled, and listed as it was spelled."""
    headers = Headers([("Vfx-Correlation-Id", "a"), ("accept", "b")])

    assert headers["VFX-CORRELATION-ID"] == "a"
    assert list(headers) == ["Vfx-Correlation-Id", "accept"]


def test_repeated_field_is_joined_and_every_line_is_kept() -> None:
    """A field that came twice reads as one value, and both lines can be seen."""
    headers = Headers([("Accept", "a"), ("accept", "b")])

    assert headers["Accept"] == "a, b"
    assert len(headers) == 1
    assert headers.fields == (("Accept", "a"), ("accept", "b"))


def test_compares_with_any_mapping() -> None:
    """Equality ignores the case of names, minds values, and survives pickling."""
    headers = Headers([("Accept", "a")])

    assert headers == {"accept": "a"}
    assert headers != {"accept": "b"}
    assert headers != "accept"
    assert pickle.loads(pickle.dumps(headers)) == headers  # noqa: S301  our own bytes
    assert hash(headers) == hash(Headers([("ACCEPT", "a")]))


def test_cannot_be_changed() -> None:
    """There is no way to set a field."""
    headers = Headers([("Accept", "a")])

    with pytest.raises(TypeError):
        headers["Accept"] = "b"  # type: ignore[index]


def test_repr_shows_no_value() -> None:
    """A credential does not leak into a failing assertion's text."""
    headers = Headers([("Authorization", "Bearer secret")])

    assert "secret" not in repr(headers)

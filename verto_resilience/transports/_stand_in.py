"""What takes the place of another object of its kind, which stays within reach."""

from typing import Any


class StandIn:
    """Has the attributes of its ``inner`` besides its own; for adapters and pool managers."""

    def __getattr__(self, name: str) -> Any:
        """Answer for what the inner one has and code around it may ask for."""
        inner = self.__dict__.get("inner")
        if inner is None or name.startswith("__"):
            raise AttributeError(name)
        return getattr(inner, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set where :meth:`__getattr__` reads: what only the inner one has is set there."""
        own = self.__dict__
        inner = own.get("inner")
        if inner is None or name in own or hasattr(type(self), name) or not hasattr(inner, name):
            super().__setattr__(name, value)
        else:
            setattr(inner, name, value)

"""What every client of ours has besides sending: settings that can be looked at and changed."""

from verto_resilience.mounting._assembly import Assembly
from verto_resilience.pipeline import Circuits, Pipeline, Policy


class Reconfigurable:
    """Something that makes calls with the pipeline of an assembly."""

    _assembly: Assembly
    pipeline: Pipeline

    @property
    def policy(self) -> Policy:
        """The settings in force."""
        return self.pipeline.policy

    @property
    def circuits(self) -> Circuits:
        """The registry of origins with their circuits, pauses and budgets."""
        return self.pipeline.circuits

    def reload(self) -> Policy:
        """Read the environment and the files anew, and go on by what they say.

        For every adapter that was mounted in the same go. Circuits, pauses and retry budgets keep
        what they know. A call that is under way ends by the settings it began with. Of a policy
        that was written in code, the files that it names are read anew. Not for use in a signal
        handler, which may have interrupted what it waits for: start a thread there.

        Returns:
            The settings now in force.

        Raises:
            ConfigurationError: Something is wrong in there; nothing has changed.
        """
        return self._assembly.reload()

    def reconfigure(self, policy: Policy | None) -> Policy:
        """Go on by other settings, written in code; else as :meth:`reload`.

        Args:
            policy: The settings. ``None`` reads them from the environment and the policy file, and
                ``load_policy(max_attempts=2)`` does so under what is written there.

        Returns:
            The settings now in force; the kill switch holds for them too.

        Raises:
            ConfigurationError: The environment or a file is wrong; nothing has changed.
        """
        return self._assembly.reconfigure(policy)

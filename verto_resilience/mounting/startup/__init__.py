"""The folder that ``verto-resilience run`` puts on ``PYTHONPATH``; see docs/design/run.md."""

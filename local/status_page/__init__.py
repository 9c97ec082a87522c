"""The status page of the local cluster: its runs, schedules, services and pipelines, for a browser."""

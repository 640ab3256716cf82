"""What Prometheus may know: figures of this process, its dispatcher and the store; never personal data."""

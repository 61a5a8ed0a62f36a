"""One folder per exercise; ``course.toml`` has their order."""

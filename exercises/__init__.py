"""The course: exercises whose graders know the typical mistakes. Front ends are ``lstm-lab learn`` and the lab."""

"""The handbook's texts: a Markdown file for each topic, their order, and the glossary."""

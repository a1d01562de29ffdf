"""Vial: medical language models from one mapped file."""

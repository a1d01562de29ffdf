"""A small writer of `.vial` files, made from the pages in Spec/ alone; only for test vectors."""

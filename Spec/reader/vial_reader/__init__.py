"""An independent reader of `.vial` files, written from the pages in Spec/ alone."""

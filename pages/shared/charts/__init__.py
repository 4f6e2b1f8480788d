"""Charts and figures that more than one page draws."""

"""Photographs of digits, made by rule: many kinds of paper, light, ruling and mishap."""

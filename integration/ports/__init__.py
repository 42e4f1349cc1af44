"""What the services need from outside, in the core's terms. No vendor types.

Errors: methods raise only exceptions of `integration.errors`; a docstring names them where it is not obvious.
"""

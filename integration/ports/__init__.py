"""The interfaces through which services reach the outside, in the core's terms. No vendor types.

Errors: methods raise only exceptions of `integration.errors`. A docstring names them if they are not obvious.
"""

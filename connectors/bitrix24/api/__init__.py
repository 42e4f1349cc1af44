"""Requests to a Bitrix24 portal: sent, paced, authorised; errors as ours. What they mean is said by their callers."""

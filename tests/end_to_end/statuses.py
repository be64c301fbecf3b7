"""What the documented statuses mean, as a caller meets them at any edge."""

from verto_resilience import Category, Health

STATUSES = {
    200: (Category.SUCCESS, Health.GOOD, 1),
    201: (Category.SUCCESS, Health.GOOD, 1),
    202: (Category.SUCCESS, Health.GOOD, 1),
    204: (Category.SUCCESS, Health.GOOD, 1),
    400: (Category.CLIENT_ERROR, Health.GOOD, 1),
    401: (Category.CLIENT_ERROR, Health.GOOD, 1),
    403: (Category.CLIENT_ERROR, Health.GOOD, 1),
    404: (Category.CLIENT_ERROR, Health.GOOD, 1),
    409: (Category.CLIENT_ERROR, Health.GOOD, 1),
    429: (Category.RATE_LIMITED, Health.UNKNOWN, 3),
    500: (Category.SERVER_ERROR, Health.BAD, 3),
    503: (Category.SERVER_ERROR, Health.BAD, 3),
    504: (Category.SERVER_ERROR, Health.BAD, 3),
}
"""Category, health, and how often a GET is sent that gets nothing else."""

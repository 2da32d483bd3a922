from clicktrail.http.resources.catalogue import operations_on
from clicktrail.query.fields import SITE

OPERATIONS = operations_on(SITE)

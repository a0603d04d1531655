"""Where handlers find the rules."""

from __future__ import annotations

from aiohttp import web

from services.certs.service.certificates import CertificateService
from services.certs.service.sets import SetService
from services.certs.service.statuses import StatusService
from shared.pki import KeyKind

CERTIFICATE_SERVICE = web.AppKey("certificate_service", CertificateService)
SET_SERVICE = web.AppKey("set_service", SetService)
STATUS_SERVICE = web.AppKey("status_service", StatusService)
USUAL_KEY_KIND = web.AppKey("usual_key_kind", KeyKind)

"""Where handlers find what they call."""

from __future__ import annotations

from aiohttp import web

from services.provision.layouts import LayoutBook
from services.provision.service.mapping import MappingService
from services.provision.service.records import RecordService

LAYOUTS = web.AppKey("layouts", LayoutBook)
MAPPING_SERVICE = web.AppKey("mapping_service", MappingService)
RECORD_SERVICE = web.AppKey("record_service", RecordService)

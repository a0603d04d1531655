"""Where handlers find the rules."""

from __future__ import annotations

from aiohttp import web

from services.bootstrap.service.adding import AddingService
from services.bootstrap.service.changes import ChangeService
from services.bootstrap.service.configs import ConfigService
from services.bootstrap.service.gateways import GatewayService
from services.bootstrap.service.sets import SetService

CONFIG_SERVICE = web.AppKey("config_service", ConfigService)
ADDING_SERVICE = web.AppKey("adding_service", AddingService)
CHANGE_SERVICE = web.AppKey("change_service", ChangeService)
GATEWAY_SERVICE = web.AppKey("gateway_service", GatewayService)
SET_SERVICE = web.AppKey("set_service", SetService)

"""Where handlers find the services."""

from aiohttp import web

from services.things.service.access import AccessService
from services.things.service.channels import ChannelService
from services.things.service.connections import ConnectionService
from services.things.service.policies import PolicyService
from services.things.service.sets import SetService
from services.things.service.things import ThingService

THING_SERVICE: web.AppKey[ThingService] = web.AppKey("thing_service", ThingService)
CHANNEL_SERVICE: web.AppKey[ChannelService] = web.AppKey("channel_service", ChannelService)
CONNECTION_SERVICE: web.AppKey[ConnectionService] = web.AppKey(
    "connection_service", ConnectionService
)
SET_SERVICE: web.AppKey[SetService] = web.AppKey("set_service", SetService)
POLICY_SERVICE: web.AppKey[PolicyService] = web.AppKey("policy_service", PolicyService)
ACCESS_SERVICE: web.AppKey[AccessService] = web.AppKey("access_service", AccessService)

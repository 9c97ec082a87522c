"""A local Kubernetes API server for the kinds that the steps touch, over one sqlite file."""

from kfp_lifecycle.local.kubernetes_api.access import Access, Rule, rules_from
from kfp_lifecycle.local.kubernetes_api.app import create_app
from kfp_lifecycle.local.kubernetes_api.server import Server
from kfp_lifecycle.local.kubernetes_api.store import Store

__all__ = ["Access", "Rule", "Server", "Store", "create_app", "rules_from"]

"""The office's pages, by address."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from agent.web import counts_pages, documents_pages, office_pages, tray_pages
from agent.web.access import Need, needs


def routes() -> list[BaseRoute]:
    return [
        Route("/stock/{sku}", office_pages.history),
        Route("/documents", documents_pages.listed),
        Route("/documents/{name}", documents_pages.told),
        Route("/counts", counts_pages.listed),
        Route("/counts/{count}", counts_pages.reviewed),
        Route("/orders", office_pages.orders),
        Route("/exceptions", tray_pages.listed),
        Route("/exceptions/{seq}", tray_pages.told),
        Route("/settings", needs(office_pages.settings, Need("admin", "supervisor"))),
    ]

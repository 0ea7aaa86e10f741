"""Ready-made sets of patterns of what hardly anybody wants archived: `--ignore-set NAME`, `set:NAME` in DIR/ignores.

Each is a tuple of regular expressions, searched for in the whole URL. A pattern stands here only if what it matches is
another view of content that has an address of its own, an action, or a counter; never because it is large.
"""

from __future__ import annotations

from collections.abc import Mapping


def _query(path: str, parameter: str) -> str:
    """A pattern for a parameter anywhere in the query of a path that holds `path`. However long and odd the URL is, it
    is looked through once: what is in (?=) is not tried again."""
    return rf"^(?=[^?]*{path})[^?]*\?(?:.*[&;])?(?:{parameter})"


_GLOBAL = (
    r"[?&](?:utm_[a-z]+|fbclid|gclid|msclkid|mc_[ce]id)=",  # the same page, told who sent the reader
    r"[?&]replytocom=\d",  # WordPress: the same page with its form below another comment
    r"[?&]share=(?:facebook|twitter|x|linkedin|reddit|tumblr|pinterest|telegram|whatsapp|email|pocket|jetpack-)",
    r"^https?://[^/]+/(?:.*/)?(?:xmlrpc|wp-login|wp-cron|wp-trackback)\.php(?:\?|$)",
    r"^https?://[^/]+/wp-json/oembed/",
    r"^https?://[^/]+/(?:.*/)?wp-admin/admin-ajax\.php",
    r"[?&]_escaped_fragment_=",
    r"^https?://(?:www\.)?facebook\.com/(?:sharer|share|plugins|dialog)\b",
    r"^https?://(?:www\.)?(?:twitter|x)\.com/(?:intent|share)\b",
    r"^https?://(?:www\.)?linkedin\.com/(?:shareArticle|sharing)\b",
    r"^https?://(?:www\.)?(?:reddit|pinterest)\.com/(?:submit|pin/create)\b",
    r"^https?://(?:www\.)?tumblr\.com/(?:share|widgets/share)\b",
    r"^https?://(?:www|ssl)\.google-analytics\.com/(?:collect|__utm\.gif|r/|g/)",
    r"^https?://(?:[^/]+\.)?doubleclick\.net/",
    r"^https?://pixel\.(?:wp|quantserve)\.com/",
    r"^https?://(?:[^/]+\.)?scorecardresearch\.com/",
    r"^https?://web\.archive\.org/save/",
)

_FORUMS = (
    # phpBB
    r"/(?:posting|ucp|mcp|report|memberlist)\.php\?",
    _query(r"/(?:viewtopic|viewforum)\.php", r"view=(?:print|next|previous|unread)|hilit=|sid="),
    _query(r"/search\.php", r"search_id=|author_id=|sr=|do="),
    # vBulletin and its kin
    r"/(?:newreply|newthread|sendmessage|private|reputation|subscription|usercp|login|register|report|printthread)"
    r"\.php(?:\?|$)",
    _query(r"/showthread\.php", r"mode=(?:hybrid|threaded|linear)|goto=|highlight="),
    _query(r"/(?:showpost|misc)\.php", r"do=|postcount="),
    # Simple Machines, MyBB, Invision, XenForo, Discourse
    _query(
        r"/index\.php",
        r"action=(?:post|pm|login|register|reminder|search|printpage|markasread|notify|reporttm|stats|who)",
    ),
    _query(r"/(?:member|ratethread)\.php", r"action=|tid="),
    _query(r"/index\.php", r"app=(?:core|forums|members)&(?:do=|module=(?:search|global|usercp))"),
    r"/(?:threads|posts)/[^/?]+/(?:reply|like|react|report|quote|bookmark|unread|latest)(?:\?|$)",
    r"/members/[^/?]+/(?:follow|ignore|report|trophies)(?:\?|$)",
    r"^https?://[^/]+/t/[^?]+/\d+/\d+\?u=",
)

_CALENDARS = (
    # The Events Calendar, Google Calendar, iCalendar: another view, or the same as a file
    r"[?&](?:ical|outlook-ical)=1",
    r"[?&](?:tribe-bar-date|tribe_event_display|eventDisplay)=",
    r"/events?/(?:month|week|day|photo|map|today)(?:/|\?|$)",
    r"^https?://(?:www\.)?google\.com/calendar/(?:event|render)\?action=TEMPLATE",
    r"^https?://calendar\.google\.com/calendar/(?:u/\d/)?r/eventedit",
    r"^https?://outlook\.(?:live|office)\.com/(?:owa|calendar)/",
    # A month, week or day as a parameter of a page for all of them
    _query(r"/(?:calendar|kalender|calendario|calendrier|agenda)", r"(?:year|month|week|day|date|jahr|monat|datum)="),
    r"[?&](?:cal|calendar|mini)[_-]?(?:year|month|day|date|view)=",
    r"[?&]option=com_(?:jevents|jcal|dpcalendar|icagenda)&(?:task|view|layout)=",
)

_WIKIS = (
    # MediaWiki
    r"[?&](?:action=(?!raw)[a-z]+|oldid=\d|diff=|undo=|veaction=|redlink=1|printable=yes|mobileaction=|curid=\d|useskin=)",
    r"[?&](?:direction=(?:prev|next)&|offset=\d{8,}|dir=prev)",
    r"/(?:wiki/|index\.php[/?](?:title=)?)Special(?::|%3[Aa])(?:Book|Block|CreateAccount|CiteThisPage|Export|Log|"
    r"MobileDiff|MovePage|PermanentLink|Preferences|RecentChanges\w*|Search|UserLog[io]\w+|UrlShortener|WhatLinksHere)",
    # DokuWiki
    r"[?&]do=(?:edit|diff|revisions|backlink|recent|media|login|register|resendpwd|admin|profile|subscribe|export_\w+)",
    r"[?&](?:rev=\d|idx=|tab_details=|tab_files=)",
    # MoinMoin, TWiki, Confluence, Trac
    r"\?action=(?:AttachFile&do=(?!get)|LikePages|LocalSiteMap|diff|edit|fullsearch|info|login|print|raw|recall|refresh|rename)",
    r"/bin/(?:attach|edit|manage|oops|rdiff|rename|search|statistics|viewauth)(?:/|\?|$)",
    r"/pages/(?:diffpages|viewprevious|editpage|viewpagesrc|pageinfo|copypage|flyingpdf)[^/]*\.action",
    r"[?&](?:action=diff|version=\d+|format=txt)(?:&|$)",
)

_SHOPS = (
    r"[?&](?:add-to-cart|add_to_wishlist|remove_item|removed_item|undo_item|add_to_compare|empty-cart)=",
    r"/(?:cart|basket|checkout|wishlist|compare|warenkorb|merkzettel|panier)/(?:add|remove|update|delete|index|product)",
    r"/(?:customer/account|sales/guest|sendfriend/product|review/product/list|catalog/product_compare|wishlist/index)/",
    # The same list of products in another order or form
    r"[?&](?:orderby|product_list_(?:order|dir|mode|limit)|sort_by|sortby|order_by|p?limit|per_page|items_per_page)=",
    r"^[^?]*\?(?:.*&)?(?:min_price|max_price|rating_filter|filter_[a-z_-]+|query_type_[a-z_-]+|price)=[^&]*&(?:.*&)?"
    r"(?:min_price|max_price|rating_filter|filter_[a-z_-]+|query_type_[a-z_-]+|price)=",
    r"[?&](?:currency|SID|___store|___from_store|osCsid|zenid)=",
    _query(r"/(?:collections|products)/", r"(?:variant|sort_by|pb|_pos|_sid|_ss)="),
    r"[?&]route=(?:account|affiliate|checkout|product/compare)/",
)

SETS: Mapping[str, tuple[str, ...]] = {
    "global": _GLOBAL,
    "forums": _FORUMS,
    "calendars": _CALENDARS,
    "wikis": _WIKIS,
    "shops": _SHOPS,
}

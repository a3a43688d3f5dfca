"""What an operator sees and changes in a shop, and that it reaches the shop's finished answers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from sumeru_proxy import health
from sumeru_proxy.catalogue_rows import CatalogueWalk
from sumeru_proxy.client import errors
from sumeru_proxy.client.api import Meta, Observed
from sumeru_proxy.models import Credential, Shop
from sumeru_proxy.reading import stamps
from tests.widgets.admin.conftest import formset_of
from widgets.http import shops
from widgets.http.shops import ShopSettings
from widgets.models import Look, Placement

PAGES = ("change", "widgets", "preview", "embed", "credentials", "connection", "history")


def url(name: str, shop: Shop) -> str:
    return reverse(f"admin:sumeru_proxy_shop_{name}", args=[shop.pk])


def settings_of(shop: Shop) -> ShopSettings | None:
    """What every process finds within a second, and compares with what its finished answers were made under."""
    return shops.recheck(shop.key)


def soft(shop: Shop, topic: str) -> int:
    stamps.forget()
    return stamps.current(shop.pk, [topic])[topic].soft


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_and_has_no_inline_script_or_style(admin_client: Client, shop: Shop, name: str) -> None:
    answer = admin_client.get(url(name, shop))
    text = answer.content.decode()
    assert answer.status_code == 200
    assert 'aria-current="page"' in text
    main = text[text.index('id="main"') :]
    assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", main)
    assert not re.search(r"\son[a-z]+=", re.sub(r"<pre.*?</pre>", "", main, flags=re.S))
    assert " style=" not in re.sub(r"<pre.*?</pre>", "", main, flags=re.S)


@pytest.mark.parametrize("name", [each for each in PAGES if each not in ("history",)])
def test_every_field_has_a_label(admin_client: Client, shop: Shop, name: str) -> None:
    text = admin_client.get(url(name, shop)).content.decode()
    main = text[text.index('id="content"') :]
    for field in re.findall(r"<(?:input|select|textarea)\b[^>]*>", main):
        if re.search(r'type="(?:hidden|submit)"', field) or "__prefix__" in field:
            continue
        field_id = re.search(r'id="([^"]+)"', field)
        labelled = "aria-label" in field or (field_id and f'for="{field_id[1]}"' in main)
        assert labelled or re.search(r'name="origins-\d+-', field), field  # the table's heading names those


def test_an_unknown_shop_is_404(admin_client: Client, db: None) -> None:
    for name in ("widgets", "credentials", "embed", "preview", "connection"):
        assert admin_client.get(reverse(f"admin:sumeru_proxy_shop_{name}", args=[999_999])).status_code == 404


def test_saving_the_shop_makes_its_finished_answers_stale(admin_client: Client, shop: Shop) -> None:
    before = settings_of(shop)
    answer = admin_client.post(url("change", shop), formset_of(shop, name="Renamed"))
    assert answer.status_code == 302
    shop.refresh_from_db()
    assert shop.name == "Renamed"
    assert settings_of(shop) != before


def test_a_refused_save_changes_nothing(admin_client: Client, shop: Shop) -> None:
    before = settings_of(shop)
    answer = admin_client.post(url("change", shop), formset_of(shop, domain="https://ridge.example/"))
    assert answer.status_code == 200
    assert "without https://" in answer.content.decode()
    assert settings_of(shop) == before


def test_a_wildcard_origin_is_marked_and_a_bad_one_refused(admin_client: Client, shop: Shop) -> None:
    text = admin_client.get(url("change", shop)).content.decode()
    assert text.count("Wildcard: every address of this form") == 1
    data = formset_of(shop)
    data |= {"origins-TOTAL_FORMS": "3", "origins-2-shop": str(shop.pk), "origins-2-origin": "https://*.vercel.app"}
    answer = admin_client.post(url("change", shop), data)
    assert "Anyone can publish under vercel.app" in answer.content.decode()
    data["origins-2-origin"] = "https://new.example"
    assert admin_client.post(url("change", shop), data).status_code == 302
    assert shop.origins.filter(origin="https://new.example").exists()


def test_look_tokens_are_fields_of_their_own(admin_client: Client, shop: Shop) -> None:
    text = admin_client.get(url("change", shop)).content.decode()
    assert 'type="color" value="#00aa77"' in text
    before = settings_of(shop)
    data = formset_of(
        shop, **{"look-0-token_star": "#e7a600", "look-0-token_accent": "", "look-0-css": ".sw-reviews{}"}
    )
    assert admin_client.post(url("change", shop), data).status_code == 302
    look = Look.objects.get(shop=shop)
    assert look.tokens == {"star": "#e7a600"}
    assert look.css == ".sw-reviews{}"
    assert settings_of(shop) != before


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("look-0-token_accent", "red;} body{display:none", "is not a plain CSS value"),
        ("look-0-token_font", "url(https://evil.example)", "is not a plain CSS value"),
        ("look-0-css", "@import 'https://evil.example'", "@import is not allowed"),
        ("look-0-css", "</style><script>", "&lt;/ is not allowed"),
    ],
)
def test_an_unsafe_look_is_refused(admin_client: Client, shop: Shop, field: str, value: str, complaint: str) -> None:
    answer = admin_client.post(url("change", shop), formset_of(shop, **{field: value}))
    assert answer.status_code == 200
    assert complaint in answer.content.decode()
    assert Look.objects.get(shop=shop).tokens == {"accent": "#0a7"}


def test_limits_are_numbers_and_empty_ones_follow_the_documentation(admin_client: Client, shop: Shop) -> None:
    data = formset_of(shop, limit_public_reads_per_ip="80", limit_writes_per_ip="")
    assert admin_client.post(url("change", shop), data).status_code == 302
    shop.refresh_from_db()
    assert shop.limits == {"public_reads_per_ip": 80}
    answer = admin_client.post(url("change", shop), formset_of(shop, limit_writes_per_ip="0"))
    assert answer.status_code == 200


def test_a_new_shop_is_made_with_its_origin(admin_client: Client, db: None) -> None:
    empty = Shop(name="New", domain="new.example")
    data = {
        **formset_of_new(empty),
        "origins-TOTAL_FORMS": "1",
        "origins-0-origin": "https://new.example",
    }
    answer = admin_client.post(reverse("admin:sumeru_proxy_shop_add"), data)
    assert answer.status_code == 302
    made = Shop.objects.get(name="New")
    assert [each.origin for each in made.origins.all()] == ["https://new.example"]
    assert not Look.objects.filter(shop=made).exists()
    assert settings_of(made) is not None


def formset_of_new(shop: Shop) -> dict[str, str]:
    return {
        "name": shop.name,
        "active": "on",
        "domain": shop.domain,
        "api_url": shop.api_url,
        "referral_path": shop.referral_path,
        "locale": "en",
        "currency": "USD",
        "origins-INITIAL_FORMS": "0",
        "look-TOTAL_FORMS": "1",
        "look-INITIAL_FORMS": "0",
    }


def test_the_list_shows_health_without_a_query_per_shop(
    admin_client: Client, shop: Shop, django_assert_max_num_queries: Callable[..., object]
) -> None:
    health.note(shop.pk, "reviews")
    health.note(shop.pk, "bundles", errors.Refused(code="forbidden", status=403, endpoint="bundles"))
    for number in range(20):
        Shop.objects.create(name=f"Other {number}", domain="other.example")
    with django_assert_max_num_queries(9):
        text = admin_client.get(reverse("admin:sumeru_proxy_shop_changelist")).content.decode()
    assert "bundles: Refused" in text
    assert text.count("none yet") == 20


def test_the_connection_page_says_what_failed_and_what_to_do(admin_client: Client, shop: Shop) -> None:
    health.note(shop.pk, "reviews")
    failure = errors.Refused(code="forbidden", status=403, endpoint="bundles", request_id="req_12345678")
    health.note(shop.pk, "bundles", failure)
    text = admin_client.get(url("connection", shop)).content.decode()
    assert "Refused, forbidden, 403" in text
    assert "req_12345678" in text
    assert "Check the credentials" in text
    assert "100 public reads and 20 writes a minute" in text
    assert "Check the credentials" in admin_client.get(url("change", shop)).content.decode()


def test_the_connection_page_names_what_could_not_be_read(admin_client: Client, shop: Shop) -> None:
    assert "could not be read" not in admin_client.get(url("connection", shop)).content.decode()
    meta = Meta("bundles", 200, 0.1, "req_9")
    health.observer(shop.pk)(Observed("page", meta, "Unreadable", True, "", "data[0].price", "number 0 to 10"))
    text = admin_client.get(url("connection", shop)).content.decode()
    for told in ("Answers that could not be read", "bundles", "data[0].price", "number 0 to 10", "req_9"):
        assert told in text


def test_making_everything_stale_reaches_settings_and_every_copy(admin_client: Client, shop: Shop) -> None:
    assert admin_client.post(url("connection", shop), {"do": "stale"}).status_code == 302
    assert soft(shop, stamps.EVERYTHING) == 1
    assert LogEntry.objects.filter(object_id=str(shop.pk), change_message="Made everything stale").count() == 1


def test_the_same_as_an_action_on_several_shops(admin_client: Client, shop: Shop) -> None:
    other = Shop.objects.create(name="Other", domain="other.example")
    data = {"action": "make_everything_stale", "_selected_action": [shop.pk, other.pk]}
    assert admin_client.post(reverse("admin:sumeru_proxy_shop_changelist"), data).status_code == 302
    assert soft(shop, stamps.EVERYTHING) == soft(other, stamps.EVERYTHING) == 1


def test_a_new_key_needs_the_confirmation(admin_client: Client, shop: Shop) -> None:
    old = shop.key
    admin_client.post(url("connection", shop), {"do": "key"})
    shop.refresh_from_db()
    assert shop.key == old
    admin_client.post(url("connection", shop), {"do": "key", "confirm": "on"})
    shop.refresh_from_db()
    assert shop.key != old
    assert re.fullmatch(r"shp_[A-Za-z0-9]{22}", shop.key)
    assert shops.recheck(old) is None  # not even stale answers may be given under the old key


def test_encrypting_again_uses_the_newest_key(admin_client: Client, shop_with_canaries: Shop, settings: object) -> None:
    from cryptography.fernet import Fernet

    old_keys = list(settings.SUMERU_ENCRYPTION_KEYS)  # type: ignore[attr-defined]
    before = dict(Credential.objects.values_list("pk", "sealed"))
    settings.SUMERU_ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *old_keys]  # type: ignore[attr-defined]
    admin_client.post(url("connection", shop_with_canaries), {"do": "seal"})
    after = dict(Credential.objects.values_list("pk", "sealed"))
    assert all(after[pk] != before[pk] for pk in before)
    settings.SUMERU_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]  # type: ignore[attr-defined]
    answer = admin_client.post(url("connection", shop_with_canaries), {"do": "seal"}, follow=True)
    assert "Put the old key back" in answer.content.decode()
    assert dict(Credential.objects.values_list("pk", "sealed")) == after


def test_an_unknown_action_does_nothing(admin_client: Client, shop: Shop) -> None:
    assert admin_client.post(url("connection", shop), {"do": "everything"}).status_code == 302
    assert LogEntry.objects.count() == 0


# -- permissions


def test_a_viewer_sees_the_shop_and_can_change_nothing(
    client_with: Callable[..., Client], shop_with_canaries: Shop
) -> None:
    viewer = client_with("view_shop", "view_placement", "view_look", "view_shoporigin")
    for name in ("change", "widgets", "preview", "embed", "connection", "history"):
        answer = viewer.get(url(name, shop_with_canaries))
        assert answer.status_code == 200, name
        text = answer.content.decode()
        assert 'type="password"' not in text
        assert "…X9zK" not in text
        assert 'name="do"' not in text
        assert url("credentials", shop_with_canaries) not in text
    assert "Accent colour: #0a7" in viewer.get(url("change", shop_with_canaries)).content.decode()
    assert viewer.get(url("credentials", shop_with_canaries)).status_code == 403
    assert viewer.post(url("credentials", shop_with_canaries), {"public_key": "x"}).status_code == 403
    for action in ("stale", "key", "seal", "test"):
        assert viewer.post(url("connection", shop_with_canaries), {"do": action, "confirm": "on"}).status_code == 403
    assert viewer.post(url("change", shop_with_canaries), formset_of(shop_with_canaries, name="X")).status_code == 403


def test_hints_are_for_those_who_may_view_credentials(
    client_with: Callable[..., Client], shop_with_canaries: Shop
) -> None:
    client = client_with("view_shop", "view_credential")
    text = client.get(url("credentials", shop_with_canaries)).content.decode()
    assert "…X9zK" in text
    assert 'type="password"' not in text
    assert "Remove…" not in text
    pk = Credential.objects.first().pk  # type: ignore[union-attr]
    assert client.post(url("credentials", shop_with_canaries), {"remove": pk}).status_code == 403
    assert client.post(url("credentials", shop_with_canaries), {"public_key": "pk_live_abcdefgh"}).status_code == 403
    assert Credential.objects.count() == 4


def test_staff_without_permissions_and_strangers_get_nothing(
    client_with: Callable[..., Client], client: Client, shop: Shop
) -> None:
    nobody = client_with()
    for name in PAGES:
        assert nobody.get(url(name, shop)).status_code == 403, name
        assert client.get(url(name, shop)).status_code == 302, name


def test_a_shop_editor_without_credential_permissions_can_edit_the_shop(
    client_with: Callable[..., Client], shop: Shop
) -> None:
    editor = client_with("view_shop", "change_shop", "view_placement", "change_placement")
    data = {
        name: value
        for name, value in formset_of(shop, name="Edited").items()
        if not name.startswith(("origins", "look"))
    }
    assert editor.post(url("change", shop), data).status_code == 302
    shop.refresh_from_db()
    assert shop.name == "Edited"
    assert editor.get(url("credentials", shop)).status_code == 403


def test_the_index_of_the_admin_leads_to_shops_only(admin_client: Client, shop: Shop) -> None:
    text = admin_client.get(reverse("admin:index")).content.decode()
    assert reverse("admin:sumeru_proxy_shop_changelist") in text
    assert reverse("admin:widgets_placement_changelist") not in text
    assert Placement.objects.count() == 1


@pytest.mark.parametrize(
    ("walk", "said"),
    [
        (None, "not begun"),
        ({"products": 300, "cursor": "next"}, "300 products read in this pass so far."),
        ({"completed_products": 12, "completed_at": 1.0}, "complete"),
        ({"completed_products": 12, "completed_at": 1.0, "products": 5, "cursor": "c"}, "The last one had 12."),
        ({"completed_at": 1.0}, "product feed is empty"),
        ({"failures": 3, "error": "Unreadable"}, "Unreadable"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_connection_page_says_how_far_the_catalogue_is(
    admin_client: Client, shop: Shop, walk: dict[str, Any] | None, said: str
) -> None:
    if walk is not None:
        ago = time.time() - 60
        CatalogueWalk.objects.create(
            shop=shop, **{name: ago if name.endswith("_at") else value for name, value in walk.items()}
        )
    assert said in admin_client.get(url("connection", shop)).content.decode()

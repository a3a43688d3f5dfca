"""``/docs/threats/``: who may try what, what stops them, and the test that shows it."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


@dataclass(frozen=True, slots=True)
class Threat:
    """One line of the table. ``test`` is a test of this project: its file below ``tests/``, and its function."""

    who: str
    tries: str
    stopped_by: str
    test: str


STRANGER, SENDER, STORE = "Any client", "Who sends a form", "Who can write to Redis or the cache table"
OPERATOR, PAGE, PROXY = "Who may use the admin", "A page that the doctor reads", "A client behind a proxy"

THREATS = (
    Threat(STRANGER, "One batch with the same widget 60 times", "Equal items are made once; a response holds at most 256 kB of HTML",
           "widgets/test_batches.py::test_equal_items_are_made_once"),
    Threat(STRANGER, "Invented placements and languages, as endless cache keys", "They share the response of the default",
           "widgets/test_batches.py::test_an_unknown_placement_is_the_default"),
    Threat(STRANGER, "A batch that is cached for others with the sender's own 401 or 429", "Such errors make a response no-store",
           "widgets/test_batches.py::test_what_a_client_proves_or_guesses_is_in_nobodys_batch"),
    Threat(STRANGER, "Bodies that arrive byte by byte", "Bodies have their own share of threads, of which one network gets only a part",
           "widgets/test_gates.py::test_slow_bodies_hold_their_share_alone"),
    Threat(STRANGER, "Many parallel log-ins or uncached pages", "Each has its share of threads; cached responses need none of them",
           "widgets/test_gates.py::test_misses_and_log_ins_never_hold_every_thread"),
    Threat(STRANGER, "Passwords of the admin, one after the other", "Ten attempts a minute and network",
           "widgets/test_throttles.py::test_passwords_are_tried_at_the_pace_of_people"),
    Threat(STRANGER, "JSON that is nested deeply", "Depth and number of values are checked before anything recursive runs",
           "widgets/test_events.py::test_nesting_is_refused_before_anything_recurses"),
    Threat(STRANGER, "Invented ids that fill the caches", "Empty responses are stored apart, few of them, for one hour",
           "sumeru_proxy/test_copies.py::test_any_number_of_made_up_ids_pushes_out_nothing_that_is_seen"),
    Threat(STRANGER, "Guessing of referral codes with many addresses of one network or on many processes",
           "IPv6 counts by /64; counters are shared by all processes",
           "widgets/test_throttles.py::test_what_is_rare_is_counted_for_all_processes_together"),
    Threat(STRANGER, "A page of another site that reads a shop's widgets or sends to it", "Only the shop's origins; null and * never",
           "widgets/test_http.py::test_origins_that_an_import_left_allow_nobody"),
    Threat(STRANGER, "A response that runs as a page with this server's origin", "Content-Security-Policy on every response",
           "widgets/test_http.py::test_what_is_for_programs_is_inert_when_opened"),
    Threat(PROXY, "A forged client address", "Only the hops that trusted proxies wrote; a header name without a hyphen",
           "widgets/test_throttles.py::test_a_name_without_a_hyphen_cannot_be_imitated"),
    Threat(SENDER, "Hundreds of reviews with one form", "A form accepts five submissions",
           "widgets/test_desk_limits.py::test_one_form_is_good_for_few_reviews"),
    Threat(SENDER, "A backlog that delays other shops", "Limits per shop, kind and network; workers serve shops in turns",
           "widgets/test_desk_limits.py::test_what_waits_is_bounded_and_the_text_comes_back"),
    Threat(STORE, "Values that run code when they are read", "Copies are typed MessagePack; nothing is unpickled",
           "sumeru_proxy/test_stored_form.py::test_reading_what_an_attacker_wrote_runs_nothing"),
    Threat(OPERATOR, "A credential env:SECRET_KEY", "Only variables with a prefix or on the operator's list",
           "test_secrets.py::test_only_variables_that_the_operator_names_are_read"),
    Threat("Who can change rows of the database", "A credential moved to another shop or kind", "Credentials are bound to both",
           "test_secrets.py::test_a_sealed_value_opens_for_its_shop_and_kind_alone"),
    Threat(OPERATOR, "CSS that styles the page around a widget, loads files or reads input", "A CSS parser judges it, on save and on use",
           "widgets/test_theming.py::test_css_that_could_do_more"),
    Threat(OPERATOR, "A host or webhook address that leads into the private network",
           "Addresses are checked when connecting, and used as checked",
           "sumeru_proxy/client/test_session.py::test_a_credential_goes_to_the_open_internet_alone"),
    Threat(PAGE, "Redirects and data-api to private addresses", "Public addresses only, and only the page's own",
           "widgets/doctor/test_command.py::test_private_addresses_only_when_told"),
    Threat(PAGE, "Megabytes of nested HTML, slow responses", "A reader whose cost grows with the length only; one deadline",
           "widgets/doctor/test_judging.py::test_hostile_html_costs_its_length_alone"),
    Threat(PAGE, "Control characters for the terminal", "Output is printable text",
           "widgets/doctor/test_command.py::test_a_terminal_gets_no_control_characters"),
    Threat("Another user of the machine", "Reading the database, secrets or copies", "A private folder, umask 077, a check at the start",
           "widgets/test_environment.py::test_files_are_their_users_own"),
    Threat("A web page on a developer's machine", "The sandbox's control API", "Host and origin must be this machine's",
           "sumeru_proxy/sandbox/test_control.py::test_only_pages_and_programs_of_this_machine_reach_the_controls"),
)  # fmt: skip


def threats_page(request: HttpRequest) -> HttpResponse:
    """``GET /docs/threats/``."""
    return render(request, "docs/threats.html", {"title": "Threats", "threats": THREATS})

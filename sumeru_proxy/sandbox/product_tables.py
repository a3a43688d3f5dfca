"""The made-up brand Ridge & Hollow: what it sells. Also its little sister, a stationer."""

from __future__ import annotations

# handle: (title, series names, ((kind, drawing, price from, tags), ...))
Kind = tuple[str, str, int, str]
COLLECTIONS: dict[str, tuple[str, tuple[str, ...], tuple[Kind, ...]]] = {
    "packs": (
        "Packs & Bags",
        ("Tarn", "Corrie", "Fellside", "Switchback"),
        (
            ("Daypack 22 L", "backpack", 98, "hiking everyday"),
            ("Trekking Pack 45 L", "backpack", 189, "hiking travel"),
            ("Roll-Top Rucksack", "backpack", 129, "cycling everyday"),
            ("Commuter Backpack", "backpack", 119, "everyday laptop"),
            ("Kids' Rucksack", "backpack", 49, "kids hiking"),
            ("Waxed Tote", "tote", 79, "everyday waxed"),
            ("Market Tote", "tote", 39, "everyday cotton"),
            ("Weekend Duffel", "tote", 149, "travel waxed"),
            ("Camera Sling", "pouch", 89, "travel photo"),
            ("Hip Pouch", "pouch", 45, "hiking running"),
            ("Wash Bag", "pouch", 35, "travel waxed"),
            ("Packing Cubes, Set of 3", "pouch", 32, "travel"),
            ("Dry Bag 10 L", "pouch", 28, "paddling hiking"),
        ),
    ),
    "camp": (
        "Camp Kitchen",
        ("Ember", "Bothy", "Pinecone", "Campsong"),
        (
            ("Enamel Mug", "mug", 16, "enamel breakfast"),
            ("Insulated Cup", "mug", 24, "steel coffee"),
            ("Espresso Cup", "mug", 14, "enamel coffee"),
            ("Cook Pot 1.5 L", "pot", 54, "steel cooking"),
            ("Dutch Oven", "pot", 119, "iron cooking"),
            ("Kettle", "pot", 48, "steel coffee"),
            ("Frying Pan", "pot", 62, "iron cooking"),
            ("Water Bottle 1 L", "bottle", 29, "steel hiking"),
            ("Vacuum Flask", "bottle", 38, "steel coffee"),
            ("Olive Oil Flask", "bottle", 19, "cooking"),
            ("Table Lantern", "lantern", 69, "light evening"),
            ("Candle Lantern", "lantern", 42, "light evening"),
            ("Head Torch", "lantern", 39, "light hiking"),
        ),
    ),
    "layers": (
        "Layers",
        ("Heather", "Skerry", "Lomond", "Driftwood"),
        (
            ("Merino Crew", "sweater", 89, "merino everyday"),
            ("Fisherman's Jumper", "sweater", 139, "wool winter"),
            ("Fleece Pullover", "sweater", 95, "recycled hiking"),
            ("Base Layer", "sweater", 65, "merino hiking"),
            ("Linen Shirt", "sweater", 75, "linen summer"),
            ("Rain Shell", "jacket", 199, "waterproof hiking"),
            ("Down Jacket", "jacket", 229, "winter down"),
            ("Waxed Field Jacket", "jacket", 249, "waxed autumn"),
            ("Wind Vest", "jacket", 85, "running cycling"),
            ("Wool Beanie", "beanie", 29, "wool winter"),
            ("Ribbed Beanie", "beanie", 25, "cotton everyday"),
            ("Cord Cap", "beanie", 34, "everyday cord"),
            ("Bobble Hat", "beanie", 32, "wool kids"),
        ),
    ),
    "home": (
        "Home & Hearth",
        ("Hollow", "Thistle", "Lowland", "Fireside"),
        (
            ("Lambswool Throw", "blanket", 119, "wool sofa"),
            ("Picnic Blanket", "blanket", 69, "garden summer"),
            ("Linen Bedspread", "blanket", 159, "linen bedroom"),
            ("Waffle Towel", "blanket", 29, "bathroom cotton"),
            ("Soy Candle", "candle", 28, "scent evening"),
            ("Pillar Candle", "candle", 18, "evening"),
            ("Storm Glass Candle", "candle", 34, "scent garden"),
            ("Room Scent", "candle", 36, "scent"),
            ("Feather Cushion", "cushion", 49, "sofa linen"),
            ("Floor Cushion", "cushion", 89, "reading wool"),
            ("Seat Pad", "cushion", 32, "garden wool"),
            ("Stoneware Vase", "vase", 55, "ceramic"),
            ("Plant Pot", "vase", 24, "ceramic garden"),
        ),
    ),
}
VARIANTS = ("Moss", "Slate", "Rust", "Oat", "Fjord blue", "Heather", "Charcoal", "")

STATIONERY: tuple[Kind, ...] = (
    ("Dot Grid Notebook", "notebook", 18, "paper journal"),
    ("Linen Diary 2027", "notebook", 32, "paper planner"),
    ("Pocket Sketchbook", "notebook", 14, "paper drawing"),
    ("Recipe Journal", "notebook", 24, "paper kitchen"),
    ("Brass Fountain Pen", "pen", 58, "writing brass"),
    ("Oak Pencil Set", "pen", 16, "writing drawing"),
    ("Calligraphy Nib Holder", "pen", 21, "writing lettering"),
    ("Sealing Wax Kit", "candle", 27, "letters gift"),
    ("Letterpress Card Set", "notebook", 22, "letters gift"),
    ("Desk Tray", "pouch", 44, "desk oak"),
    ("Ink Bottle, Midnight", "bottle", 12, "writing ink"),
    ("Blotting Paper Pad", "notebook", 9, "paper writing"),
)
STATIONERY_SERIES = ("Quill", "Foolscap")

FIRST_NAMES = (
    "Ada Bruno Clara Dmitri Elif Farah Gustav Hana Ivo Jette Karim Lotte Mateo Nadia Olof Paula Quentin Rosa Stellan "
    "Tilda Umar Vera Wim Xenia Yara"
)
LAST_NAMES = "Albrecht Bakker Castellani Dubois Eriksen Ferreira Grabowska Haddad Ishikawa Jansen"
CITIES = (
    ("Bristol", "BS1 4DJ", "GB"), ("Leipzig", "04109", "DE"), ("Lyon", "69002", "FR"), ("Utrecht", "3511 CE", "NL"),
    ("Graz", "8010", "AT"), ("Bologna", "40121", "IT"), ("Porto", "4000-123", "PT"), ("Malmö", "211 20", "SE"),
)  # fmt: skip
CHANNELS: tuple[tuple[str, str, str, str | None], ...] = (
    ("organic_search", "google", "organic", None),
    ("paid_social", "meta", "cpc", "cam_spring_walks"),
    ("email", "newsletter", "email", "cam_layers_drop"),
    ("referral", "friend", "referral", None),
    ("direct", "direct", "none", None),
    ("paid_search", "google", "cpc", "cam_brand"),
    ("affiliate", "hillwalker-blog", "affiliate", "cam_affiliates"),
)
HOSTILE = (
    ("<script>alert('shop')</script>", "<img src=x onerror=alert(1)> Otherwise a decent pan."),
    ("\"quotes\" & 'apostrophes' </div>", 'She said "it\'s 100 % fine" & left. </section></template><!-- '),
    (
        "\u202eeltit desrever",
        "Bidi control characters \u202e txet desrever \u202c and \u2066isolates\u2069 and \u200bzero width.",
    ),
    ("{{ 7*7 }} ${7*7} {% raw %}", "javascript:alert(1) data:text/html,<b>x</b> %3Cscript%3E &lt;b&gt; \\u003c"),
    ("Z̸̢̛a̷̧͝l̶̡̕g̴̨͠o̵̢͝ ́́́", "Combining marks: e\u0301e\u0301\u0301\u0301\u0301 and a family emoji 👨‍👩‍👧‍👦 and a flag 🏴󠁧󠁢󠁳󠁣󠁴󠁿."),
)
EMOJI = ("😍", "👍", "🔥", "🥾", "🌲", "❤️", "☕", "🙌", "👌🏽", "🏕️")

"""What the made-up shoppers say, in English, German, French, Spanish and Italian. Sentences fit any product."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Voice:
    """A language's shoppers: names, the countries they order from, and titles and sentences by mood."""

    names: tuple[str, ...]
    countries: tuple[str, ...]
    glad_titles: tuple[str, ...]
    mixed_titles: tuple[str, ...]
    cross_titles: tuple[str, ...]
    glad: tuple[str, ...]
    mixed: tuple[str, ...]
    cross: tuple[str, ...]
    replies: tuple[str, ...]


def voice(**parts: str) -> Voice:
    """A voice from texts with one entry per line."""
    return Voice(**{name: tuple(line.strip() for line in text.strip().splitlines()) for name, text in parts.items()})


ENGLISH = voice(
    names="""Hannah W.
        Tom Okafor
        Priya S.
        Marcus
        Eleanor Byrne
        Jas
        Callum R.
        Wren Adeyemi
        Beth from Leeds
        Oscar N.
        Maya
        Rob T.
        Siobhan K.
        D. Petersen""",
    countries="GB\nUS\nIE\nAU\nCA\nNZ",
    glad_titles="""Better than I hoped
        My new favourite
        Worth every penny
        Exactly as described
        Bought a second one
        Lovely quality
        Goes everywhere with me
        A proper upgrade
        The best present I gave this year""",
    mixed_titles="Nice, with one flaw\nGood but not perfect\nDecent for the price\nStill making up my mind",
    cross_titles="Not for me\nExpected more\nSent it back\nDisappointed",
    glad="""I have used it nearly every day since it arrived and it still looks new.
        The colour is even warmer in person than in the pictures.
        You can tell somebody thought about the details, right down to the stitching.
        It survived a very wet weekend in the Lakes without complaint.
        My sister saw mine and ordered one the same evening.
        Delivery took three days and there was no plastic in the parcel.
        I was worried about the size, but it is spot on.
        It replaced one I had for eleven years, which is high praise from me.
        Light enough to forget about, sturdy enough to trust.
        My partner keeps borrowing it, so I suppose I need another.
        Washed it twice already and nothing has faded.
        It feels solid without being heavy.
        We took it along the coast path for a week and it was perfect.
        The dog approves too, sadly.
        I hesitated over the price for a month and now wish I had not.
        Simple, handsome and very well made.
        I gave it to my dad, who is impossible to please, and he smiled.
        Everything lines up, closes properly and does what it should.""",
    mixed="""It does the job, although I expected the material to be a little thicker.
        The shade is greener than the photo suggests, which I got used to.
        Really well made, but the instructions are no help at all.
        It runs slightly small, so think about the next size up.
        Good quality, only the parcel took almost two weeks.
        I like the look more than the feel.
        Fine for short trips; for a long one I would want something sturdier.
        There was a strange smell at first that went away after a few days.""",
    cross="""The seam came apart after the second outing.
        It looks nothing like the picture, and the colour is dull.
        Mine arrived with a dent and the box was already open.
        Far too small for what they call it.
        For this money I expect something that lasts longer than a month.
        It wobbles, and no amount of fiddling fixes that.
        Customer service was friendly, but the thing itself is just not good.""",
    replies="""Thank you for taking the time to write, it made our morning.
        We are sorry to hear that. Please write to us with your order number and we will put it right.
        Good point about the size, we have added measurements to the page.
        Thanks for the kind words, and enjoy many more trips with it.""",
)

GERMAN = voice(
    names="Katrin M.\nJonas\nUte Brandt\nFelix H.\nSabine aus Kassel\nM. Yılmaz\nLena Vogt\nThorsten",
    countries="DE\nAT\nCH",
    glad_titles="""Absolute Empfehlung
        Genau mein Ding
        Hält, was es verspricht
        Schöner als auf dem Foto
        Jeden Cent wert""",
    mixed_titles="Gut, aber nicht perfekt\nGanz in Ordnung\nMit kleinen Abstrichen",
    cross_titles="Leider enttäuscht\nGeht zurück\nMehr erwartet",
    glad="""Die Verarbeitung ist tadellos, da wackelt und knarzt nichts.
        Ich benutze es seit Wochen täglich und bin immer noch begeistert.
        Die Farbe ist in echt noch schöner als auf dem Bild.
        Kam nach zwei Tagen an, gut verpackt und ganz ohne Plastik.
        Auf unserer Hüttentour hat alles gehalten, trotz Dauerregen.
        Meine Frau wollte sofort auch eins haben.
        Man merkt, dass hier jemand mitgedacht hat.
        Nach mehreren Wäschen sieht alles aus wie neu.
        Der Preis ist nicht ohne, aber die Qualität stimmt.
        Leicht, robust und einfach schön.""",
    mixed="""Insgesamt zufrieden, nur das Material könnte etwas dicker sein.
        Fällt eher klein aus, lieber eine Nummer größer bestellen.
        Die Farbe weicht etwas vom Foto ab, stört mich aber nicht.
        Die Lieferung hat leider fast zwei Wochen gedauert.
        Für kurze Ausflüge prima, für lange Touren würde ich etwas anderes nehmen.""",
    cross="""Schon beim zweiten Mal ist die Naht aufgegangen.
        Sieht ganz anders aus als auf dem Bild.
        Für den Preis ist das wirklich zu wenig.
        Kam beschädigt an, der Karton war eingedrückt.
        Viel kleiner als gedacht, geht leider zurück.""",
    replies="""Vielen Dank für die netten Worte, das freut uns sehr!
        Das tut uns leid. Bitte schreiben Sie uns mit der Bestellnummer, wir finden eine Lösung.""",
)

FRENCH = voice(
    names="Camille D.\nÉlodie\nJulien Moreau\nAïcha B.\nLaurent\nMarie-Claude\nBastien G.",
    countries="FR\nBE\nCH\nCA",
    glad_titles="Je recommande vivement\nUne belle surprise\nQualité au rendez-vous\nParfait\nEncore mieux en vrai",
    mixed_titles="Bien, sans plus\nQuelques réserves\nCorrect pour le prix",
    cross_titles="Déçue\nPas à la hauteur\nJe l'ai renvoyé",
    glad="""Les finitions sont soignées, on sent le travail bien fait.
        Je m'en sers tous les jours depuis un mois et rien n'a bougé.
        La couleur est encore plus jolie en vrai.
        Livraison rapide et emballage sans plastique, bravo.
        Nous l'avons emmené en randonnée sous la pluie : aucun souci.
        Offert à ma mère, qui ne s'en sépare plus.
        Léger, solide et vraiment élégant.
        Le prix m'a fait hésiter, mais je ne regrette rien.
        Toute la famille me le pique.""",
    mixed="""Joli produit, mais la matière est un peu plus fine que prévu.
        La taille est un peu juste, prenez au-dessus.
        Rien à redire sur la qualité, mais presque deux semaines d'attente.
        La teinte diffère légèrement de la photo.""",
    cross="""La couture a lâché dès la deuxième sortie.
        Cela ne ressemble pas du tout à la photo.
        Arrivé abîmé, le carton était déjà ouvert.
        À ce prix-là, j'attendais bien mieux.""",
    replies="""Merci beaucoup pour votre retour, il nous fait chaud au cœur.
        Nous sommes désolés. Écrivez-nous avec votre numéro de commande et nous trouverons une solution.""",
)

SPANISH = voice(
    names="Lucía G.\nJavier\nMaría del Mar\nÍñigo R.\nNuria P.\nAndrés Castaño\nSol",
    countries="ES\nMX\nAR\nCL",
    glad_titles="Muy recomendable\nMejor de lo que esperaba\nMe encanta\nCalidad de verdad\nRepetiré seguro",
    mixed_titles="Bien, pero mejorable\nCumple sin más\nLe falta un detalle",
    cross_titles="Decepción\nNo lo volvería a comprar\nDevuelto",
    glad="""Lo uso a diario desde que llegó y sigue como el primer día.
        El color es todavía más bonito al natural.
        Se nota que está pensado hasta el último detalle.
        Llegó en tres días y sin nada de plástico en el paquete.
        Lo llevamos al Camino y aguantó lluvia, barro y todo lo demás.
        Se lo regalé a mi hermano y está encantado.
        Ligero, resistente y muy bonito.
        No es barato, pero vale lo que cuesta.""",
    mixed="""Está bien hecho, aunque el material es más fino de lo que imaginaba.
        Talla un poco pequeño, mejor pedir una más.
        El tono no es exactamente el de la foto.
        Buen producto, pero el envío tardó casi dos semanas.""",
    cross="""Se descosió la segunda vez que lo usé.
        No se parece en nada a la foto.
        Llegó golpeado y con la caja abierta.
        Por este precio esperaba bastante más.""",
    replies="""¡Muchas gracias por contárnoslo! Nos alegra un montón.
        Sentimos lo ocurrido. Escríbenos con tu número de pedido y lo arreglamos.""",
)

ITALIAN = voice(
    names="Giulia F.\nMarco\nChiara Bellini\nDavide R.\nNonna Pia\nElisabetta\nLuca T.",
    countries="IT\nCH",
    glad_titles="Super consigliato\nMeglio del previsto\nFatto davvero bene\nBellissimo\nSoldi ben spesi",
    mixed_titles="Buono, con riserva\nNella media\nPeccato per un dettaglio",
    cross_titles="Delusa\nRimandato indietro\nNon ci siamo",
    glad="""Lo uso ogni giorno da un mese ed è ancora come nuovo.
        Dal vivo il colore è ancora più bello.
        Si vede la cura in ogni dettaglio.
        Consegna veloce e niente plastica nel pacco.
        L'abbiamo portato in montagna sotto la pioggia, nessun problema.
        Regalato a mia madre, che ne è entusiasta.
        Leggero, robusto e proprio bello.
        Costa un po', ma li vale tutti.""",
    mixed="""Ben fatto, anche se il materiale è più sottile di quanto pensassi.
        Veste un po' piccolo, meglio una taglia in più.
        La tonalità è leggermente diversa dalla foto.
        Buono, ma la spedizione ha richiesto quasi due settimane.""",
    cross="""La cucitura ha ceduto alla seconda uscita.
        Non assomiglia per niente alla foto.
        Arrivato ammaccato, con la scatola già aperta.
        A questo prezzo mi aspettavo molto di più.""",
    replies="""Grazie di cuore per le belle parole!
        Ci dispiace molto. Scrivici con il numero d'ordine e troveremo una soluzione.""",
)

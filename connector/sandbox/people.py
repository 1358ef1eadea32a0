"""Invented people and goods for seeds: many scripts, long names, markup where it hurts."""

from __future__ import annotations

PEOPLE = (
    ("Lena", "Müller", "DE", "München", "80331", "DE-BY"),
    ("Jörg", "Weiß-Łukasz", "DE", "Köln", "50667", "DE-NW"),
    ("小明", "王", "CN", "深圳市", "518000", "CN30"),
    ("丽", "欧阳", "DE", "Berlin", "10115", "DE-BE"),
    ("Mia 🌸", "van den Berg", "DE", "Hamburg", "20095", "DE-HH"),
    ("Zoë", "O'Brien & Söhne", "AT", "Wien", "1010", ""),
    ("Søren", "Ñandú", "ES", "A Coruña", "15001", "C"),
    ("Ελένη", "Παπαδοπούλου", "FR", "Strasbourg", "67000", ""),
    ("Ada", "Keller <Zürich>", "CH", "Zürich", "8001", "ZH"),
    ("Émile", "Tremblay", "CA", "Montréal", "H2Y 1C6", "QC"),
)
GOODS = (
    "Teekanne",
    "手工茶壶",
    "Zwiebel 🧅 &amp; Knoblauch",
    "Bürste",
    "Überraschungs-Box 🎉",
    "Ελληνικό λάδι",
    "Kette",
    "Gießkanne",
)
NOTES = ("", "", "", "Bitte klingeln! 请尽快发货 🙏", "2. Stock, <links>\nnicht beim Nachbarn", "")

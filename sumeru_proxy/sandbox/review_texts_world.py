"""What the made-up shoppers say, in Portuguese, Polish, Japanese, Chinese, Arabic and Hebrew. Sentences fit any product."""

from __future__ import annotations

from sumeru_proxy.sandbox.review_texts import ENGLISH, FRENCH, GERMAN, ITALIAN, SPANISH, Voice, voice

PORTUGUESE = voice(
    names="Ana Beatriz\nThiago L.\nRenata Souza\nJoão Pedro\nLívia M.\nCaio",
    countries="BR",
    glad_titles="Amei demais\nSuperou as expectativas\nVale cada centavo\nQualidade excelente",
    mixed_titles="Bom, mas pode melhorar\nAtende\nQuase perfeito",
    cross_titles="Não gostei\nEsperava mais\nDevolvi",
    glad="""Uso todos os dias e continua parecendo novo.
        A cor é ainda mais bonita pessoalmente.
        Dá para ver o capricho em cada detalhe.
        Chegou antes do prazo e muito bem embalado.
        Levei para a serra, choveu o tempo todo e não deu problema nenhum.
        Dei de presente para o meu pai e ele adorou.
        Leve, resistente e lindo.""",
    mixed="""É bonito, mas o material é mais fino do que eu imaginava.
        A forma é pequena, peça um número maior.
        Gostei, só que a entrega demorou quase duas semanas.""",
    cross="""A costura abriu na segunda vez que usei.
        Não tem nada a ver com a foto.
        Pelo preço, esperava muito mais.""",
    replies="Muito obrigado pelo carinho!\nSentimos muito. Mande o número do pedido que a gente resolve.",
)

POLISH = voice(
    names="Kasia W.\nPaweł\nAgnieszka Nowak\nMichał Z.\nZosia\nGrzegorz B.",
    countries="PL",
    glad_titles="Gorąco polecam\nStrzał w dziesiątkę\nŚwietna jakość\nLepsze niż na zdjęciu",
    mixed_titles="Dobre, ale bez szału\nW porządku\nMały minus",
    cross_titles="Rozczarowanie\nNie polecam\nOdesłane",
    glad="""Używam codziennie od miesiąca i nadal wygląda jak nowe.
        Kolor na żywo jest jeszcze ładniejszy.
        Widać, że ktoś zadbał o każdy szczegół.
        Przesyłka dotarła w dwa dni i bez grama plastiku.
        W Tatrach lało cały weekend, a wszystko wytrzymało.
        Mąż od razu zamówił drugie dla siebie.
        Lekkie, solidne i po prostu ładne.""",
    mixed="""Ogólnie dobre, choć materiał mógłby być grubszy.
        Rozmiarówka zaniżona, lepiej wziąć większy.
        Odcień trochę inny niż na zdjęciu.""",
    cross="""Szew puścił już za drugim razem.
        Zupełnie nie przypomina zdjęcia.
        Za te pieniądze spodziewałam się czegoś lepszego.""",
    replies="Bardzo dziękujemy za miłe słowa!\nPrzykro nam. Prosimy o wiadomość z numerem zamówienia.",
)

JAPANESE = voice(
    names="はるか\n田中\nmomo\n山好きパパ\nゆき\nK.S.",
    countries="JP",
    glad_titles="買ってよかったです\n期待以上\n毎日使っています\nおすすめです",
    mixed_titles="まあまあ\n少し惜しい\n値段相応",
    cross_titles="残念です\n期待外れ\n返品しました",
    glad="""届いてから毎日使っていますが、まったく傷みません。
        写真よりも実物の色のほうがきれいです。
        縫い目まで丁寧に作られていて感動しました。
        梱包も簡素で好印象、発送も早かったです。
        雨の山でも安心して使えました。
        母にプレゼントしたところ、とても喜ばれました。
        軽いのに丈夫で、デザインも気に入っています。""",
    mixed="""全体的には満足ですが、生地がもう少し厚いとうれしいです。
        サイズは少し小さめなので、ワンサイズ上がよいと思います。
        写真と色味が少し違いました。""",
    cross="""二回目の使用で縫い目がほつれました。
        写真とはまったく違う印象です。
        この値段ならもっと良いものを期待していました。""",
    replies="嬉しいお言葉をありがとうございます。\n申し訳ございません。ご注文番号を添えてご連絡ください。",
)

CHINESE = voice(
    names="小林\n山里人家\n晓雯\n阿杰\n清风\nLily王",
    countries="CN\nSG",
    glad_titles="非常满意\n物超所值\n比图片好看\n推荐购买",
    mixed_titles="还可以\n有点小遗憾\n一般般",
    cross_titles="有点失望\n不推荐\n已退货",
    glad="""收到后几乎每天都在用，还是和新的一样。
        实物颜色比图片更温暖，很喜欢。
        做工细致，连走线都很整齐。
        物流很快，包装简单又环保。
        周末露营遇到大雨，一点问题都没有。
        送给爸爸的，他特别喜欢。
        又轻又结实，设计也很耐看。""",
    mixed="""整体不错，就是料子比想象中薄一点。
        尺码偏小，建议买大一号。
        颜色和图片有一点差别，可以接受。""",
    cross="""用第二次就开线了。
        和图片完全不一样。
        这个价格，我期待的是更好的质量。""",
    replies="谢谢您的支持，祝您使用愉快！\n非常抱歉，请把订单号发给我们，我们马上处理。",
)

ARABIC = voice(
    names="سارة\nأبو خالد\nليلى م.\nعمر\nنور الهدى\nيوسف",
    countries="AE\nSA\nEG\nJO",
    glad_titles="أنصح به بشدة\nأفضل مما توقعت\nجودة ممتازة\nيستحق كل درهم",
    mixed_titles="جيد ولكن\nمقبول\nينقصه القليل",
    cross_titles="خيبة أمل\nلا أنصح به\nأعدته",
    glad="""أستخدمه كل يوم منذ وصوله وما زال كالجديد.
        اللون في الحقيقة أجمل من الصورة.
        الصناعة متقنة والاهتمام بالتفاصيل واضح.
        وصل خلال ثلاثة أيام والتغليف أنيق وبلا بلاستيك.
        أخذناه معنا إلى البر ولم نواجه أي مشكلة.
        أهديته لوالدي ففرح به كثيرا.
        خفيف ومتين وشكله جميل.""",
    mixed="""جيد عموما لكن القماش أرق مما توقعت.
        المقاس صغير قليلا، اطلبوا مقاسا أكبر.
        اللون يختلف بعض الشيء عن الصورة.""",
    cross="""انفكت الخياطة من الاستعمال الثاني.
        لا يشبه الصورة أبدا.
        توقعت أفضل من ذلك بهذا السعر.""",
    replies="شكرا جزيلا على كلماتك الطيبة!\nنعتذر عن ذلك. راسلنا برقم الطلب وسنجد حلا.",
)

HEBREW = voice(
    names="נועה\nיוסי ל.\nתמר\nאיתי כהן\nרוני\nמיכל",
    countries="IL",
    glad_titles="ממליצה בחום\nמעבר לציפיות\nאיכות מעולה\nשווה כל שקל",
    mixed_titles="טוב, אבל\nסביר\nכמעט מושלם",
    cross_titles="מאכזב\nלא בשבילי\nהחזרתי",
    glad="""בשימוש יומיומי כבר חודש ועדיין נראה כמו חדש.
        הצבע במציאות יפה אפילו יותר מבתמונה.
        רואים שחשבו על כל פרט קטן.
        הגיע תוך שלושה ימים, באריזה יפה ובלי פלסטיק.
        לקחנו לטיול בצפון בגשם שוטף, והכול החזיק מעמד.
        קניתי לאבא שלי והוא מאושר.
        קל, חזק ופשוט יפה.""",
    mixed="""מוצר טוב, אבל הבד דק ממה שציפיתי.
        המידה קצת קטנה, כדאי להזמין מידה מעל.
        הגוון קצת שונה מהתמונה.""",
    cross="""התפר נפתח כבר בפעם השנייה.
        לא דומה בכלל לתמונה.
        במחיר כזה ציפיתי להרבה יותר.""",
    replies="תודה רבה על המילים החמות!\nאנחנו מצטערים. כתבו לנו עם מספר ההזמנה ונמצא פתרון.",
)

# Locale, its voice, and how many of a hundred reviews are written in it.
VOICES: tuple[tuple[str, Voice, int], ...] = (
    ("en", ENGLISH, 48),
    ("de", GERMAN, 15),
    ("fr", FRENCH, 8),
    ("es", SPANISH, 6),
    ("it", ITALIAN, 5),
    ("pt-BR", PORTUGUESE, 4),
    ("pl", POLISH, 4),
    ("ja", JAPANESE, 3),
    ("zh-Hans", CHINESE, 3),
    ("ar", ARABIC, 2),
    ("he", HEBREW, 2),
)

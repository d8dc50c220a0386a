"""What somebody wrote now, apart from what they quote."""

import pytest

from channels.email.quoting import without_history


@pytest.mark.parametrize(
    "history",
    [
        "On Mon, 2 Nov 2026 at 10:00, Support <support@shop.example> wrote:\n> old\n> lines",
        "On Mon, 2 Nov 2026 at 10:00, Support with a very long name\n<support@shop.example> wrote:\n\n> old",
        "пн, 2 нояб. 2026 г. в 10:00, Поддержка <support@shop.example>:\n> old",
        "02.11.2026 10:00, Поддержка пишет:\n> old",
        "در تاریخ دوشنبه ۲ نوامبر ۲۰۲۶، پشتیبانی نوشت:\n> old",
        "-----Original Message-----\nFrom: Support\nSent: Monday\n\nold",
        "-------- Исходное сообщение --------\nold",
        "From: Support <support@shop.example>\nSent: Monday, November 2, 2026\nTo: Sara\nSubject: Re: order\n\nold",
        "От: Поддержка\nОтправлено: 2 ноября\nКому: Иван\nТема: заказ\n\nold",
        "> old\n> lines",
        "\u202bدر تاریخ دوشنبه ۲ نوامبر ۲۰۲۶ ساعت ۱۰:۰۰ \u202aShop\u202c\u200f <support@shop.example> نوشت:\u202c\n> old",
        "________________________________\nاز: پشتیبانی\nارسال شده: دوشنبه\nبه: سارا\nموضوع: سفارش\n\nold",
        "________________________________\nFrom: Support\nSent: Monday\nTo: Sara\nSubject: order\n\nold",
        "> 2 нояб. 2026 г., в 10:00, Shop <support@shop.example> написал(а):\n>\n> old",
        "Понедельник, 2 ноября 2026, 10:00 +03:00 от Shop <support@shop.example>:\n> old",
        '02.11.2026, 10:00, "Shop" <support@shop.example>:\n> old',
    ],
)
def test_history_below_an_answer_is_left_out(history: str) -> None:
    assert without_history(f"My answer.\n\n{history}") == "My answer."


@pytest.mark.parametrize(
    "text",
    [
        "> where is it?\nIt is on its way.\n> and the invoice?\nAttached.",
        "On Monday you wrote:\n> we will call\nand nobody called.",
        "From: my point of view it is fine.",
        "> only a quote",
        "See below.\n\n---------- Forwarded message ---------\nFrom: Bank\nthe account is closed",
        "On 2 November I wrote to you and got no answer.",
    ],
)
def test_what_is_needed_to_understand_an_answer_stays(text: str) -> None:
    assert without_history(text) == text

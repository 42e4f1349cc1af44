"""What an administrator enters and copies to connect amoCRM or Kommo. Source: README, OAuth 2.0 and widgets."""

from __future__ import annotations

from integration.domain.sentences import Words
from integration.ports.crm_setup import CrmKey, CrmSetup, CrmVariant, CrmWay

SETUP = CrmSetup(
    variants=(
        CrmVariant(key="amocrm", label="amoCRM", console="https://www.amocrm.ru/amomarket/"),
        CrmVariant(
            key="kommo",
            label="Kommo",
            console="https://www.kommo.com/support/",
            options={"oauth_url": "https://www.kommo.com/oauth"},
        ),
    ),
    way=CrmWay(
        steps=(
            Words(
                "amocrm.create_integration",
                "Откройте в CRM «amoМаркет», затем «⋯ → Создать интеграцию» и выберите «Внешняя интеграция».",
                "Відкрийте в CRM «amoМаркет», потім «⋯ → Створити інтеграцію» і виберіть «Зовнішня інтеграція».",
                "In the CRM open the marketplace, then “⋯ → Create integration”, and choose “Private integration”.",
            ),
            Words(
                "amocrm.paste_addresses",
                "Вставьте два адреса ниже, отметьте «Предоставить доступ: все», назовите интеграцию Dozvon и "
                "сохраните.",
                "Вставте дві адреси нижче, позначте «Надати доступ: усі», назвіть інтеграцію Dozvon і збережіть.",
                "Paste the two addresses below, tick “Allow access: all”, name the integration Dozvon, and save it.",
            ),
            Words(
                "amocrm.copy_keys",
                "На вкладке «Ключи и доступы» скопируйте ID интеграции и секретный ключ сюда.",
                "На вкладці «Ключі та доступи» скопіюйте ID інтеграції та секретний ключ сюди.",
                "Copy the integration ID and the secret key from the tab “Keys and scopes” to here.",
            ),
        ),
        keys=(
            CrmKey(
                option="client_id", label=Words("amocrm.client_id", "ID интеграции", "ID інтеграції", "Integration ID")
            ),
            CrmKey(
                option="client_secret",
                label=Words("amocrm.client_secret", "Секретный ключ", "Секретний ключ", "Secret key"),
                is_secret=True,
            ),
        ),
    ),
    advanced=(
        CrmKey(
            option="oauth_url",
            label=Words("amocrm.oauth_url", "Адрес входа CRM", "Адреса входу CRM", "Address of the CRM’s consent page"),
        ),
        CrmKey(
            option="account_hosts",
            label=Words(
                "amocrm.account_hosts",
                "Адреса аккаунтов (шаблон)",
                "Адреси акаунтів (шаблон)",
                "Addresses of accounts (pattern)",
            ),
        ),
        CrmKey(
            option="account_url",
            label=Words(
                "amocrm.account_url",
                "Адрес единственного аккаунта",
                "Адреса єдиного акаунта",
                "Address of the only account",
            ),
        ),
    ),
    after_widget=Words(
        "amocrm.upload_widget",
        "Загрузите архив на вкладке «Загрузить виджет» той же интеграции и установите её.",
        "Завантажте архів на вкладці «Завантажити віджет» тієї ж інтеграції та встановіть її.",
        "Upload the archive on the tab “Upload widget” of the same integration, and install it.",
    ),
)

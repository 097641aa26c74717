select
    financial_year,
    unit_code,
    expenditure_gbp,
    income_gbp,
    net_budget_gbp,
    approved_date,
    _extract_id as extract_id,
    _row_number as source_row
from {{ source('raw', 'finance__budgets') }}

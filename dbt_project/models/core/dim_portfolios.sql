select
    portfolio_id,
    valid_from,
    valid_to,
    portfolio_name,
    holder
from {{ ref('stg_framework__portfolios') }}
order by portfolio_id, valid_from

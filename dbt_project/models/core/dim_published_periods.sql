-- Every spelling of a period that a published table uses, as days. A spelling that is not understood keeps its text
-- and has no days; a test warns about it.
with spellings as (
    select distinct period_text
    from {{ ref('stg_indicators__published_values') }}
),

shapes as (
    select
        period_text,
        case
            when {{ matches('period_text', '^[0-9]{4}$') }} then 'calendar_year'
            when {{ matches('period_text', '^[0-9]{4}/[0-9]{2}$') }} then 'financial_year'
            when {{ matches('period_text', '^[0-9]{4} - [0-9]{2}$') }} then 'calendar_years'
            when {{ matches('period_text', '^[0-9]{4}/[0-9]{2} - [0-9]{2}/[0-9]{2}$') }} then 'financial_years'
            when {{ matches('period_text', '^[0-9]{4}/[0-9]{2} Q[1-4]$') }} then 'financial_quarter'
            when
                {{ matches('period_text', '^[0-9]{4}/[0-9]{2} Q[1-4] - [0-9]{4}/[0-9]{2} Q[1-4]$') }}
                then 'financial_quarters'
            when {{ matches('period_text', '^Q[1-4] [0-9]{4}$') }} then 'calendar_quarter'
            when {{ matches('period_text', '^[0-9]{4}-[0-9]{2}$') }} then 'month'
            when {{ matches('period_text', '^[A-Z][a-z]+ [0-9]{4}$') }} then 'named_month'
            when {{ matches('period_text', '^[A-Z][a-z]{2} [0-9]{4} ?- ?[A-Z][a-z]{2} [0-9]{4}$') }} then 'named_months'
            when {{ matches('period_text', '^[0-9]{4}-[0-9]{2}-[0-9]{2}$') }} then 'day'
        end as shape
    from spellings
),

parts as (
    select
        period_text,
        shape,
        try_cast(substring(period_text, 1, 4) as int) as first_year,
        try_cast(right(period_text, 4) as int) as last_year,
        try_cast(right(period_text, 2) as int) as last_digits,
        try_cast(substring(period_text, 6, 2) as int) as middle_digits,
        try_cast(substring(period_text, 10, 1) as int) as first_quarter,
        try_cast(substring(period_text, 14, 4) as int) as second_year,
        try_cast(right(period_text, 1) as int) as last_quarter,
        try_cast(substring(period_text, 2, 1) as int) as calendar_quarter,
        try_cast(substring(period_text, 5, 4) as int) as named_year,
        {{ month_number('period_text') }} as first_month,
        {{ month_number('right(period_text, 8)') }} as last_month,
        case when shape = 'day' then try_cast(period_text as date) end as given_day
    from shapes
),

-- The first days of what begins and of what ends; null where a month's name or number is none.
first_days as (
    select
        period_text,
        shape,
        first_year,
        middle_digits,
        given_day,
        -- In '2015 - 17' and '1999 - 01' the last year is the first that ends with these digits and is not earlier.
        case
            when last_digits >= first_year % 100 then first_year - first_year % 100 + last_digits
            else first_year - first_year % 100 + last_digits + 100
        end as closing_year,
        case shape
            when 'financial_quarter' then {{ financial_quarter_start('first_year', 'first_quarter') }}
            when 'financial_quarters' then {{ financial_quarter_start('first_year', 'first_quarter') }}
            when 'calendar_quarter' then make_date(last_year, 3 * calendar_quarter - 2, 1)
        end as first_quarter_start,
        case shape
            when 'financial_quarter' then {{ financial_quarter_start('first_year', 'first_quarter') }}
            when 'financial_quarters' then {{ financial_quarter_start('second_year', 'last_quarter') }}
            when 'calendar_quarter' then make_date(last_year, 3 * calendar_quarter - 2, 1)
        end as last_quarter_start,
        case
            when shape = 'month' and middle_digits between 1 and 12 then make_date(first_year, middle_digits, 1)
            when shape = 'named_month' and first_month is not null then make_date(last_year, first_month, 1)
            when shape = 'named_months' and first_month is not null then make_date(named_year, first_month, 1)
            when shape = 'day' then {{ month_start('given_day') }}
        end as first_month_start,
        case
            when shape = 'month' and middle_digits between 1 and 12 then make_date(first_year, middle_digits, 1)
            when shape = 'named_month' and first_month is not null then make_date(last_year, first_month, 1)
            when shape = 'named_months' and last_month is not null then make_date(last_year, last_month, 1)
            when shape = 'day' then {{ month_start('given_day') }}
        end as last_month_start
    from parts
),

bounds as (
    select
        period_text,
        shape,
        first_year,
        middle_digits,
        case
            when shape in ('calendar_year', 'calendar_years') then make_date(first_year, 1, 1)
            when shape in ('financial_year', 'financial_years') then make_date(first_year, 4, 1)
            when shape in ('financial_quarter', 'financial_quarters', 'calendar_quarter') then first_quarter_start
            -- The last day of a quarter stands for that quarter, the first or last day of another month for that month.
            when given_day = last_day(given_day) and extract(month from given_day) in (3, 6, 9, 12)
                then {{ months_after('first_month_start', -2) }}
            when given_day is null or given_day = first_month_start or given_day = last_day(given_day)
                then first_month_start
        end as period_start,
        case
            when shape = 'calendar_year' then make_date(first_year, 12, 31)
            when shape = 'calendar_years' then make_date(closing_year, 12, 31)
            when shape = 'financial_year' then make_date(first_year + 1, 3, 31)
            when shape = 'financial_years' then make_date(closing_year, 3, 31)
            when shape in ('financial_quarter', 'financial_quarters', 'calendar_quarter')
                then {{ days_after(months_after('last_quarter_start', 3), -1) }}
            else last_day(last_month_start)
        end as period_end
    from first_days
),

whole as (
    select
        period_text,
        shape,
        period_start,
        period_end,
        period_start is not null and period_end is not null and period_start <= period_end
        and (
            shape not in ('financial_year', 'financial_quarter', 'financial_quarters', 'financial_years')
            or middle_digits = (first_year + 1) % 100
        ) as is_understood
    from bounds
)

select
    period_text,
    case when is_understood then shape end as shape,
    case when is_understood then period_start end as period_start,
    case when is_understood then period_end end as period_end
from whole
where period_text is not null
order by period_text

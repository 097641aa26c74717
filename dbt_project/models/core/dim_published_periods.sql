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
        try_cast(substring(period_text, 6, 2) as int) as month_digits,
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

first_days as (
    select
        *,
        case shape
            when 'calendar_year' then make_date(first_year, 1, 1)
            when 'calendar_years' then make_date(first_year, 1, 1)
            when 'financial_year' then make_date(first_year, 4, 1)
            when 'financial_years' then make_date(first_year, 4, 1)
            when 'financial_quarter' then {{ financial_quarter_start('first_year', 'first_quarter') }}
            when 'financial_quarters' then {{ financial_quarter_start('first_year', 'first_quarter') }}
            when 'calendar_quarter' then make_date(last_year, 3 * calendar_quarter - 2, 1)
            when 'month' then case when month_digits between 1 and 12 then make_date(first_year, month_digits, 1) end
            when 'named_month' then case when first_month is not null then make_date(last_year, first_month, 1) end
            when 'named_months' then case when first_month is not null then make_date(named_year, first_month, 1) end
            -- The last day of a quarter stands for that quarter, the first or last of a month for that month.
            when 'day' then case
                when given_day = last_day(given_day) and extract(month from given_day) in (3, 6, 9, 12)
                    then {{ months_after(month_start('given_day'), -2) }}
                when given_day = last_day(given_day) or given_day = {{ month_start('given_day') }}
                    then {{ month_start('given_day') }}
            end
        end as period_start,
        case shape
            when 'calendar_year' then make_date(first_year, 12, 31)
            -- '2015 - 17' and '1999 - 01': the last year is the first that ends with these digits and is not earlier.
            when 'calendar_years' then make_date(
                first_year - first_year % 100 + last_digits + case when last_digits < first_year % 100 then 100 else 0 end,
                12,
                31
            )
            when 'financial_year' then make_date(first_year + 1, 3, 31)
            when 'financial_years' then make_date(
                first_year - first_year % 100 + last_digits + case when last_digits < first_year % 100 then 100 else 0 end,
                3,
                31
            )
            when 'financial_quarter'
                then {{ days_after(months_after(financial_quarter_start('first_year', 'first_quarter'), 3), -1) }}
            when 'financial_quarters'
                then {{ days_after(months_after(financial_quarter_start('second_year', 'last_quarter'), 3), -1) }}
            when 'calendar_quarter'
                then {{ days_after(months_after('make_date(last_year, 3 * calendar_quarter - 2, 1)', 3), -1) }}
            when 'month'
                then case when month_digits between 1 and 12 then last_day(make_date(first_year, month_digits, 1)) end
            when 'named_month'
                then case when first_month is not null then last_day(make_date(last_year, first_month, 1)) end
            when 'named_months'
                then case when last_month is not null then last_day(make_date(last_year, last_month, 1)) end
            when 'day' then case
                when given_day = last_day(given_day) or given_day = {{ month_start('given_day') }}
                    then last_day(given_day)
            end
        end as period_end
    from parts
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
            or month_digits = (first_year + 1) % 100
        ) as is_understood
    from first_days
)

select
    period_text,
    case when is_understood then shape end as shape,
    case when is_understood then period_start end as period_start,
    case when is_understood then period_end end as period_end
from whole
where period_text is not null
order by period_text

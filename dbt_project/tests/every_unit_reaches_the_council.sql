-- A unit outside the council's tree, or deeper in it than the bridge goes, would be left out of the council's figures.
select units.unit_id
from {{ ref('dim_units') }} as units
cross join {{ ref('dim_council') }} as council
left join {{ ref('bridge_unit_ancestors') }} as ancestors
    on ancestors.unit_id = units.unit_id and ancestors.ancestor_unit_id = council.root_unit_id
where ancestors.unit_id is null
